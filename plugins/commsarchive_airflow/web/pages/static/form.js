// The form that makes and changes connectors: reads and writes a definition, checks it step by step, tries it,
// shows what changes, and what somebody else changed meanwhile.
(() => {
  "use strict";

  const { ask, attempt, element, fill, tell, tellProblem } = window.commsarchive;
  const form = document.querySelector("form.setup");
  const { connectors, mappings, name, page } = form.dataset;
  const changing = Boolean(name);
  const connections = new Map(JSON.parse(form.dataset.connections).map(([one, kind, uses]) => [one, { kind, uses }]));
  let before = JSON.parse(form.dataset.definition);
  let version = form.dataset.version;
  let upload = null; // the mapping file, when no row of it is bad

  const part = (what, within = form) => within.querySelector(`[data-what="${what}"]`);
  const fields = () => [...form.querySelectorAll(".field[data-kind]")];
  const fieldOf = (key) => form.querySelector(`.field[data-key="${CSS.escape(key)}"]`);
  const control = (field) => field.querySelector("input, select, textarea");
  const steps = [...form.querySelectorAll("section.step")];

  // Values of fields: what is shown, and what the definition says.
  const shown = (field) => {
    if (field.dataset.kind === "radio") return field.querySelector("input:checked")?.value ?? "";
    if (field.dataset.kind === "switch") return control(field).checked ? "yes" : "";
    return field.dataset.kind === "area" ? control(field).value : control(field).value.trim();
  };

  const PARSE = {
    switch: (text) => text === "yes",
    number: (text) => (text === "" ? undefined : Number.isNaN(Number(text)) ? text : Number(text)),
    date: (text) => text || null,
    lines: (text) => text.split(/[\n,;]+/).map((one) => one.trim()).filter(Boolean),
    json: (text) => {
      try {
        return JSON.parse(text || "null");
      } catch {
        return text;
      }
    },
    pairs: (text) =>
      Object.fromEntries(
        text.split("\n").filter((row) => row.trim()).map((row) => {
          const at = row.indexOf(":");
          return at < 0 ? [row.trim(), ""] : [row.slice(0, at).trim(), row.slice(at + 1).trim()];
        }),
      ),
  };

  const valueOf = (field) => {
    const text = shown(field);
    if (!text.trim() && control(field).required) return undefined;
    return (PARSE[field.dataset.kind] ?? ((same) => same))(text);
  };

  const show = (field, value) => {
    const kind = field.dataset.kind;
    if (kind === "radio") return field.querySelectorAll("input").forEach((one) => (one.checked = one.value === value));
    if (kind === "switch") return (control(field).checked = Boolean(value));
    let text = value ?? "";
    if (kind === "lines") text = (value ?? []).join("\n");
    else if (kind === "pairs") text = Object.entries(value ?? {}).map(([one, said]) => `${one}: ${said}`).join("\n");
    else if (kind === "json") text = value ? JSON.stringify(value, null, 2) : "";
    control(field).value = text;
    if (kind === "choice" && control(field).selectedIndex < 0) control(field).selectedIndex = 0;
  };

  const at = (whole, key) => key.split(".").reduce((inner, one) => inner?.[one], whole);

  // What is shown where: a field's `when` names another one and its values.
  const applies = (when) => {
    const [key, values] = [when.slice(0, when.indexOf(":")), when.slice(when.indexOf(":") + 1).split(" ")];
    const other = fieldOf(key);
    if (!other || (other.dataset.when && !applies(other.dataset.when))) return false;
    return values.includes("*") ? shown(other) !== "" : values.includes(shown(other));
  };

  const tellUse = (input) => {
    const use = input.dataset.use;
    const known = connections.get(input.value.trim());
    const hint = document.getElementById(input.getAttribute("aria-describedby"));
    hint.dataset.hint ??= hint.textContent;
    let said = hint.dataset.hint;
    if (known && !known.uses.includes(use)) said = `is of type ${known.kind}, which does not fit here`;
    else if (known) said = `of type ${known.kind}`;
    else if (input.value.trim() && connections.size) said = "not among Airflow's own; perhaps in a secrets backend";
    if (input.hasAttribute("aria-invalid")) return;
    hint.textContent = said;
    hint.classList.toggle("warn", Boolean(known && !known.uses.includes(use)));
  };

  const settle = () => {
    for (const field of form.querySelectorAll(".field[data-when]")) field.hidden = !applies(field.dataset.when);
    const way = shown(fieldOf("?way"));
    const collected = control(fieldOf("collect.connection"));
    collected.dataset.use = { api: "api", query: "query" }[way] ?? "files";
    collected.setAttribute("list", `for-${collected.dataset.use}`);
    form.querySelectorAll("[data-use]").forEach(tellUse);
  };

  // Destinations: as many fieldsets as there are, numbered as in the definition.
  const destinations = part("destinations");
  const template = form.querySelector("template");
  const addDestination = () => {
    const copy = template.content.cloneNode(true).firstElementChild;
    destinations.append(copy);
    number();
    return copy;
  };
  const number = () =>
    [...destinations.children].forEach((place, index) => {
      place.querySelector("legend").textContent = `Destination ${index + 1}`;
      part("remove", place).hidden = destinations.children.length < 2;
      for (const one of place.querySelectorAll("*")) {
        for (const kind of ["data-key", "id", "for", "aria-describedby"]) {
          const was = one.getAttribute(kind);
          if (was) one.setAttribute(kind, was.replace(/deliver\.(#|\d+)\./, `deliver.${index}.`));
        }
      }
    });

  const write = (definition) => {
    const places = definition.deliver ?? [];
    while (destinations.children.length > Math.max(1, places.length)) destinations.lastElementChild.remove();
    while (destinations.children.length < Math.max(1, places.length)) addDestination();
    const collect = definition.collect ?? {};
    const mapping = definition.mapping ?? {};
    const folder = connections.get(collect.connection)?.kind === "fs";
    show(fieldOf("?way"), collect.api ? "api" : collect.query ? "query" : folder ? "folder" : "sftp");
    show(fieldOf("?encrypted"), definition.pgp ? "yes" : "no");
    show(fieldOf("?custom"), mapping.custom === "uploaded" ? "uploaded" : mapping.custom ? "file" : "none");
    show(fieldOf("?scope"), mapping.pilot?.length ? "pilot" : (mapping.scope ?? "all") === "all" ? "all" : "file");
    for (const field of fields()) {
      const key = field.dataset.key;
      const value = at(definition, key);
      if (!key.startsWith("?")) show(field, key === "mapping.scope" && value === "all" ? "" : value);
    }
    settle();
  };

  const read = () => {
    const whole = { collect: {}, mapping: {}, deliver: [...destinations.children].map(() => ({})), schedule: {}, items: {} };
    for (const field of fields()) {
      const key = field.dataset.key;
      if (key.startsWith("?") || field.hidden) continue;
      const value = valueOf(field);
      if (value === undefined) continue;
      const keys = key.split(".");
      const last = keys.pop();
      keys.reduce((inner, one) => (inner[one] ??= {}), whole)[last] = value;
    }
    if (whole.collect.api && !whole.collect.api.attachments?.links) delete whole.collect.api.attachments;
    if (!(whole.retention?.label || whole.retention?.days)) delete whole.retention;
    if (!applies("?way:sftp folder")) whole.collect.allow_unencrypted = before.collect?.allow_unencrypted ?? false;
    else if (!whole.pgp) whole.collect.allow_unencrypted = true;
    if (shown(fieldOf("?custom")) !== "file") whole.mapping.custom = { uploaded: "uploaded" }[shown(fieldOf("?custom"))] ?? "";
    return whole;
  };

  // Faults at their fields, and which step they are in.
  const stepOf = (node) => node.closest("section.step");
  const SECTIONS = { collect: "from", pgp: "from", mapping: "who", items: "items", retention: "items", deliver: "to", schedule: "when" };

  const place = (key) => {
    const plain = key.replace(/^body\.?/, "");
    for (let one = plain; one; one = one.includes(".") ? one.slice(0, one.lastIndexOf(".")) : "") {
      const field = fieldOf(one);
      if (field && !field.hidden) return { field, line: plain.slice(one.length + 1) };
    }
    const step = steps.find((one) => one.dataset.step === (SECTIONS[plain.split(".")[0]] ?? "what"));
    return { step };
  };

  const clear = () => {
    for (const one of form.querySelectorAll("[aria-invalid]")) one.removeAttribute("aria-invalid");
    for (const hint of form.querySelectorAll(".hint.bad")) {
      hint.classList.remove("bad");
      hint.textContent = hint.dataset.hint;
    }
    for (const one of form.querySelectorAll(".fault")) one.hidden = true;
    settle();
  };

  const plainly = (message) =>
    message.replace(/^is missing/, "is needed").replace(/^string should match pattern.*/, "does not have the right form");

  const say = (fault) => {
    const { field, step, line } = place(fault.key);
    if (!field) {
      const shownAt = step.querySelector(".fault");
      if (shownAt) Object.assign(shownAt, { hidden: false, textContent: `${plainly(fault.message)}.` });
      return step;
    }
    const hint = field.querySelector(".hint");
    hint.dataset.hint ??= hint.textContent;
    const which = /^\d+$/.test(line) ? `line ${Number(line) + 1}: ` : "";
    hint.textContent = `${which}${plainly(fault.message)}${hint.dataset.hint ? ` (${hint.dataset.hint})` : ""}`;
    hint.classList.add("bad");
    control(field).setAttribute("aria-invalid", "true");
    const folded = field.closest("details");
    if (folded) folded.open = true;
    return stepOf(field);
  };

  const ofDates = () =>
    fields()
      .filter((field) => !field.hidden && control(field).validity.badInput)
      .map((field) => ({ key: field.dataset.key, message: "is no date", remedy: "" }));

  const mark = (step, state) => {
    const button = form.querySelector(`.steps [data-step="${step.dataset.step}"]`);
    button.dataset.state = state;
    button.querySelector(".mark").textContent = { good: "✓", bad: "✕" }[state] ?? "";
    button.querySelector(".sr").textContent = { good: ", good", bad: ", has faults" }[state] ?? "";
  };

  const send = (method, path, body, headers = {}) =>
    ask(connectors + path, { method, headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(body) });

  const keep = (query) =>
    changing ? send("PUT", `/${name}${query}`, read(), { "If-Match": `"${version}"` }) : send("POST", query, read());

  const showStep = (wanted) => {
    if (!changing) for (const one of steps) one.hidden = one !== wanted;
    for (const button of form.querySelectorAll(".steps button")) {
      if (button.dataset.step === wanted.dataset.step) button.setAttribute("aria-current", "step");
      else button.removeAttribute("aria-current");
    }
    wanted.querySelector("h2").focus();
    wanted.scrollIntoView({ block: "nearest" });
  };

  // Put each fault of an answer at its place; true when there is none in the steps up to this one.
  const placed = async (answer, upto = steps.length - 1) => {
    clear();
    const problem = answer.ok ? {} : await answer.clone().json().catch(() => ({}));
    const taken = ["exists", "defined-by-file"].includes(problem.error) ? [{ key: "name", ...problem }] : [];
    const faults = [...ofDates(), ...taken, ...(problem.faults ?? [])];
    const wrong = new Set(faults.map(say));
    steps.forEach((step, index) => {
      if (wrong.has(step) && index <= upto) mark(step, "bad");
      else if (!wrong.has(step) && index <= upto && step.dataset.step !== "check") mark(step, "good");
    });
    steps.slice(upto + 1).forEach((step) => {
      if (wrong.has(step) && !form.querySelector(`.steps [data-step="${step.dataset.step}"]`).dataset.state) untell(step);
    });
    const first = steps.slice(0, upto + 1).find((step) => wrong.has(step));
    if (first) {
      showStep(first);
      first.querySelector("[aria-invalid]")?.focus();
    }
    return !first && (faults.length ? true : answer.ok || upto < steps.length - 1);
  };

  // Faults of steps that nobody has come to yet are not told.
  const untell = (step) => {
    for (const one of step.querySelectorAll("[aria-invalid]")) one.removeAttribute("aria-invalid");
    for (const hint of step.querySelectorAll(".hint.bad")) {
      hint.classList.remove("bad");
      hint.textContent = hint.dataset.hint;
    }
    const fault = step.querySelector(".fault");
    if (fault) fault.hidden = true;
  };

  // What changes: the leaves of two definitions, by key.
  const leaves = (value, key = "", found = new Map()) => {
    const inner = value && typeof value === "object" && !(Array.isArray(value) && typeof value[0] !== "object");
    if (inner && Object.keys(value).length) for (const [one, more] of Object.entries(value)) leaves(more, key ? `${key}.${one}` : one, found);
    else if (value !== null && value !== undefined) found.set(key, Array.isArray(value) ? value.join(", ") : typeof value === "object" ? "" : String(value));
    return found;
  };
  const differing = (...all) => {
    const maps = all.map((one) => leaves(one));
    const keys = new Set(maps.flatMap((one) => [...one.keys()]));
    return [...keys]
      .map((key) => [key, ...maps.map((one) => one.get(key) || "—")])
      .filter(([, first, ...others]) => others.some((one) => one !== first));
  };
  const title = (key) => {
    const told = fieldOf(key)?.dataset.title;
    return told ? `${told} (${key})` : key;
  };
  const tabled = (rows) => rows.map(([key, ...values]) => [title(key), ...values]);

  const submit = form.querySelector("[type=submit]");
  const made = part("made");

  const compare = async () => {
    const answer = await keep("?dry_run=true");
    if (answer.status === 412) return conflict();
    if (!(await placed(answer))) return answer.ok || tellProblem(made, answer);
    if (!answer.ok) return tellProblem(made, answer);
    const rows = differing(before, (await answer.json()).definition);
    const nothing = !rows.length && !("retired" in form.dataset);
    fill(part("changes"), tabled(rows));
    submit.disabled = nothing;
    tell(made, nothing ? "warn" : "good", nothing ? "Nothing changes." : `${rows.length} settings change.`, nothing ? "" : "Save it to put them in force.");
  };

  // Somebody else was faster: say what they changed, and offer to put ours on top.
  const conflict = async () => {
    const answer = await ask(`${connectors}/${name}`, { method: "GET" });
    if (!answer.ok) return tellProblem(made, answer);
    const now = await answer.json();
    const ours = await send("PUT", `/${name}?dry_run=true`, read(), { "If-Match": `"${now.version}"` });
    if (!ours.ok) return (await placed(ours)) || tellProblem(made, ours);
    const mine = (await ours.json()).definition;
    const box = part("conflict");
    const rows = differing(before, now.definition, mine);
    part("who", box).textContent =
      `${now.who} ${now.retired ? "retired it" : `made version ${now.version}`} on ${now.at.slice(0, 16).replace("T", " ")} UTC. Nothing of yours was saved.`;
    fill(box.querySelector("table"), tabled(rows));
    submit.disabled = true;
    part("changes").hidden = true;
    box.hidden = false;
    box.querySelector("h3").focus();
    box.scrollIntoView({ block: "nearest" });
    tell(made, "bad", `Version ${version}, which you read, is no longer the last.`);
    part("mine", box).onclick = () => {
      const both = merged(before, now.definition, mine);
      [before, version] = [now.definition, String(now.version)];
      write(both);
      box.hidden = true;
      attempt(made, part("compare"), compare);
    };
    part("theirs", box).onclick = () => location.reload();
  };

  // Theirs, with what we changed on top: lists are taken whole.
  const merged = (old, theirs, mine) => {
    if (JSON.stringify(mine) === JSON.stringify(old)) return theirs;
    const isMap = (value) => value && typeof value === "object" && !Array.isArray(value);
    if (![old, theirs, mine].every(isMap)) return mine;
    return Object.fromEntries(Object.keys(mine).map((key) => [key, merged(old[key], theirs[key], mine[key])]));
  };

  const save = async () => {
    const answer = await keep("");
    if (answer.status === 412 && changing) return conflict();
    await placed(answer);
    if (!answer.ok) return tellProblem(made, answer);
    const kept = await answer.json();
    if (changing) return location.assign(`${page}${encodeURIComponent(kept.name)}/settings`);
    if (upload && kept.definition.mapping.custom === "uploaded") {
      const headers = { "Content-Type": "text/csv", "If-Match": '"none"' };
      const sent = await ask(`${connectors}/${kept.name}/mapping`, { method: "POST", headers, body: upload });
      if (!sent.ok && sent.status !== 412) return tellProblem(made, sent);
    }
    const link = element("a", `Go on with ${kept.name}`);
    link.href = page + encodeURIComponent(kept.name);
    tell(made, "good", "It is made, paused. Airflow reads it within a minute.", link);
    submit.disabled = true;
    const next = form.querySelector(".made");
    next.hidden = false;
    part("page", next).href = link.href;
    part("activate", next).onclick = () => attempt(part("activated"), part("activate", next), () => activate(kept.name));
  };

  const activate = async (kept) => {
    const output = part("activated");
    for (let tries = 0; tries < 30; tries += 1) {
      const answer = await send("POST", `/${kept}/activation`, { active: true });
      if (answer.ok) return tell(output, "good", "It is active.");
      if ((await answer.clone().json()).error !== "not-loaded") return tellProblem(output, answer);
      tell(output, "warn", "Airflow has not read it yet: waiting …");
      await new Promise((go) => setTimeout(go, 4000));
    }
    tell(output, "warn", "Airflow has not read it yet. Look at its import errors, then activate it on its page.");
  };

  const tryIt = async () => {
    const list = form.querySelector(".trial");
    list.hidden = true;
    const day = document.getElementById("day").value;
    const asked = read();
    if (upload && asked.mapping.custom === "uploaded") asked.upload = await textOf(upload);
    const answer = await send("POST", `/check${day ? `?day=${day}` : ""}`, asked);
    await placed(answer);
    if (!answer.ok) return tellProblem(part("tried"), answer);
    const results = await answer.json();
    const bad = results.filter((one) => !one.good).length;
    const idle = results.filter((one) => !one.done).length;
    list.replaceChildren(
      ...results.map((one) => {
        const row = document.createElement("li");
        const state = one.good ? (one.done ? "good" : "none") : "bad";
        const word = { good: "✓ good", none: "– nothing to try", bad: "✕ failed" }[state];
        row.append(Object.assign(element("span", word), { className: `badge ${state}` }), element("b", one.step), element("span", one.says));
        return row;
      }),
    );
    list.hidden = false;
    mark(steps.at(-1), bad ? "bad" : "good");
    if (bad) tell(part("tried"), "bad", `${bad} of ${results.length} steps failed: mend them, and try again.`);
    else if (idle) tell(part("tried"), "warn", `What was tried went well; ${idle} of ${results.length} steps had nothing to try.`);
    else tell(part("tried"), "good", "Every step went well.");
  };

  // Files that are chosen: a mapping is looked through at once, a pilot's mailboxes go into the list.
  const textOf = async (file) => {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const kind = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : "utf-8";
    return new TextDecoder(kind).decode(bytes);
  };

  document.getElementById("mapping-file")?.addEventListener("change", (event) => {
    const output = part("mapping");
    const [file] = event.target.files;
    upload = null;
    part("bad-rows").hidden = true;
    if (!file) return (output.textContent = "");
    attempt(output, event.target, async () => {
      const answer = await ask(mappings, { method: "POST", headers: { "Content-Type": "text/csv" }, body: file });
      if (!answer.ok) return tellProblem(output, answer);
      const found = await answer.json();
      fill(part("bad-rows"), found.bad.slice(0, 100).map((one) => [one.row || "the file", one.text]));
      if (!found.bad.length) upload = file;
      if (found.bad.length) tell(output, "bad", `${found.rows} good rows, ${found.bad.length} bad: it cannot be taken.`);
      else tell(output, "good", `${found.rows} good rows. They are uploaded when the connector is made.`);
    });
  });

  document.getElementById("pilot-file").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    if (!file) return;
    const list = fieldOf("mapping.pilot");
    const found = (await textOf(file)).match(/[^\s,;|"'<>]+@[^\s,;|"'<>]+/g) ?? [];
    show(list, [...new Set([...PARSE.lines(shown(list)), ...found])]);
    event.target.value = "";
  });

  form.addEventListener("input", (event) => {
    if (event.target.id === "day") return;
    if (changing) {
      submit.disabled = true;
      part("changes").hidden = true;
      made.textContent = "";
    }
    settle();
  });
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const what = button.dataset.what;
    if (button.closest(".steps")) showStep(steps.find((one) => one.dataset.step === button.dataset.step));
    else if (what === "add") addDestination().querySelector("input").focus();
    else if (what === "remove") {
      button.closest(".destination").remove();
      number();
      form.dispatchEvent(new Event("input"));
    } else if (what === "try") attempt(part("tried"), button, tryIt);
    else if (what === "compare") attempt(made, button, compare);
    else if (what === "next") {
      const step = stepOf(button);
      const index = steps.indexOf(step);
      const output = part("told", step);
      attempt(output, button, async () => {
        const answer = await keep("?dry_run=true");
        output.textContent = "";
        // 409 is a name that is taken, 422 what is wrong: both are said at their fields.
        if (!answer.ok && ![409, 422].includes(answer.status)) return tellProblem(output, answer);
        if (await placed(answer, index)) showStep(steps[index + 1]);
      });
    }
    if (what === "add" || what === "remove") settle();
  });
  form.addEventListener("keydown", (event) => {
    // Enter goes to the next step; it does not make a connector half-way.
    if (event.key !== "Enter" || event.target.tagName !== "INPUT" || changing) return;
    event.preventDefault();
    part("next", stepOf(event.target))?.click();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(made, submit, save).then(() => {
      if (changing || !form.querySelector(".made").hidden) submit.disabled = true;
    });
  });

  write(before);
  form.inert = false; // nothing that was typed before is overwritten
  form.querySelector(".steps button").setAttribute("aria-current", "step");
})();
