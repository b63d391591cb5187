// Sends forms to the REST API and says what came of it; leads out of Airflow's frame; previews a mapping.
(() => {
  "use strict";

  const element = (name, text) => Object.assign(document.createElement(name), { textContent: text });

  // Airflow's frame forbids links to leave it; a link of the page around it may.
  const leave = (address) => {
    const around = window.parent.document;
    const link = Object.assign(around.createElement("a"), { href: address });
    around.body.append(link);
    link.click();
    link.remove();
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-leave]");
    if (!link || window.parent === window || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    leave(link.href);
  });

  const boxes = (name) => document.querySelectorAll(`table [name="${name}"][type="checkbox"]`);

  // Values as the API's JSON wants them: empty ones are left out. What a form needs is chosen in a table.
  const valuesOf = (form) => {
    const values = {};
    for (const field of [...form.elements, ...boxes(form.dataset.needs)]) {
      if (!field.name || field.disabled || (field.type === "checkbox" && !field.checked)) continue;
      if (field.dataset.type === "list") (values[field.name] ??= []).push(field.value);
      else if (field.dataset.type === "boolean") values[field.name] = field.value === "true";
      else if (field.value !== "") values[field.name] = field.value;
    }
    return values;
  };

  const tell = (output, kind, ...parts) => {
    output.className = `notice ${kind}`;
    output.replaceChildren(...parts.flatMap((part) => [part, " "]));
  };

  const tellProblem = async (output, answer) => {
    const problem = await answer.json().catch(() => ({ message: `the server answered ${answer.status}` }));
    const faults = (problem.faults ?? []).map((fault) => element("li", `${fault.key}: ${fault.message}. ${fault.remedy}`));
    const list = document.createElement("ul");
    list.append(...faults);
    tell(output, "bad", `${problem.message}.`, problem.remedy ? `${problem.remedy}.` : "", ...(faults.length ? [list] : []));
  };

  const tellRun = (output, asked) => {
    const backfill = asked.run_id.startsWith("backfill ");
    const path = backfill ? `${asked.dag_id}/backfills` : `${asked.dag_id}/runs/${encodeURIComponent(asked.run_id)}`;
    const link = element("a", backfill ? "See the backfill in Airflow" : "See the run in Airflow");
    link.href = document.documentElement.dataset.airflow + `dags/${path}`;
    link.dataset.leave = "";
    const waits = asked.paused ? "It waits: the DAG is paused." : "";
    tell(output, "good", asked.created ? "Asked for." : "It was asked for before.", waits, link);
  };

  const ask = (address, options) =>
    fetch(address, { credentials: "same-origin", ...options, headers: { Accept: "application/json", ...options.headers } });

  const attempt = async (output, button, action) => {
    button.disabled = true;
    output.className = "";
    output.textContent = "Asking …";
    try {
      await action();
    } catch {
      tell(output, "bad", "The server cannot be reached. Try again.");
    } finally {
      button.disabled = false;
    }
  };

  const send = async (form, output) => {
    const values = valuesOf(form);
    const needed = form.dataset.needs;
    if (needed && !values[needed]) return tell(output, "warn", "Choose at least one.");
    form.dataset.key ||= `${Date.now()}-${Math.random()}`;
    const headers = { "Content-Type": "application/json", "Idempotency-Key": form.dataset.key };
    if (form.dataset.version) headers["If-Match"] = `"${form.dataset.version}"`;
    const method = form.dataset.method ?? "POST";
    const answer = await ask(form.dataset.post, { method, headers, body: method === "DELETE" ? undefined : JSON.stringify(values) });
    if (!answer.ok) return tellProblem(output, answer);
    delete form.dataset.key;
    if ("reload" in form.dataset) return location.reload();
    if (answer.status === 202) tellRun(output, await answer.json());
    else tell(output, "good", form.dataset.done);
  };

  for (const form of document.querySelectorAll("form[data-post]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const output = form.querySelector("output");
      attempt(output, form.querySelector("button"), () => send(form, output));
    });
  }

  for (const box of document.querySelectorAll("[data-all]")) {
    box.addEventListener("change", () => {
      for (const other of boxes(box.dataset.all)) other.checked = box.checked;
    });
  }

  const fill = (table, rows) => {
    table.hidden = !rows.length;
    table.tBodies[0].replaceChildren(
      ...rows.map((cells) => {
        const row = document.createElement("tr");
        row.append(...cells.map((cell) => element("td", cell)));
        return row;
      }),
    );
  };

  const day = (iso) => (iso === "0001-01-01" || iso === "9999-12-31" ? "" : iso);

  const preview = (form) => {
    const output = form.querySelector("output");
    const shown = form.querySelector(".preview");
    const part = (what) => shown.querySelector(`[data-what="${what}"]`);
    const accept = part("accept");
    const address = form.dataset.mapping;
    let version = "";

    const upload = (path, headers) =>
      ask(`${address}${path}`, { method: "POST", headers: { "Content-Type": "text/csv", ...headers }, body: form.elements.file.files[0] });

    const show = (change) => {
      const row = (what) => (one) => [what, one.external_id, one.mailbox, day(one.first), day(one.last)];
      fill(part("problems"), change.bad.map((one) => [one.row || "the file", one.text]));
      fill(part("changes"), [...change.removed.map(row("removed")), ...change.added.map(row("added"))]);
      const bad = change.bad.length;
      part("summary").textContent =
        `${change.rows} good rows: ${change.added.length} added, ${change.removed.length} removed, ` +
        `${change.unchanged} unchanged; ${bad} bad.` + (bad ? " It cannot be put in force." : "");
      accept.disabled = bad > 0;
      shown.hidden = false;
      shown.querySelector("h3").focus();
    };

    form.addEventListener("submit", (event) => {
      event.preventDefault();
      attempt(output, form.querySelector("button[type=submit]"), async () => {
        const before = await ask(address, { method: "GET" });
        version = before.headers.get("ETag") ?? "";
        const answer = await upload("/preview", {});
        if (!answer.ok) return tellProblem(output, answer);
        output.textContent = "";
        show(await answer.json());
      });
    });
    form.elements.file.addEventListener("change", () => (shown.hidden = true));
    accept.addEventListener("click", () =>
      attempt(output, accept, async () => {
        const answer = await upload("", { "If-Match": version });
        if (!answer.ok) return tellProblem(output, answer);
        shown.hidden = true;
        tell(output, "good", "In force from the next run on. Replay what waited.");
      }),
    );
  };

  document.querySelectorAll("form[data-mapping]").forEach(preview);

  for (const button of document.querySelectorAll("[data-opens]")) {
    const dialog = document.getElementById(button.dataset.opens);
    button.addEventListener("click", () => dialog.showModal());
    dialog.querySelector("[data-closes]").addEventListener("click", () => dialog.close());
  }

  window.commsarchive = { ask, attempt, day, element, fill, tell, tellProblem };
})();
