-- A little database of the desk's own: who, where, and what was said.
CREATE TABLE account (id TEXT PRIMARY KEY, mail TEXT, name TEXT);
CREATE TABLE room (id TEXT PRIMARY KEY, name TEXT);
CREATE TABLE message (id INTEGER PRIMARY KEY, sent TIMESTAMP, room TEXT, author TEXT, readers TEXT, body TEXT);

INSERT INTO account VALUES
  ('wen', 'wen.hartmann@quillbrook.example', 'Wen Hartmann'),
  ('tobias', 'tobias.grant@quillbrook.example', 'Tobias Grant'),
  ('meg', 'meg.stroud@halden.example', 'Meg Stroud');

INSERT INTO room VALUES ('risk', 'Risk, end of day'), ('halden', 'Halden futures');

INSERT INTO message VALUES
  (101, '2024-03-12 23:59:59.000000', 'risk', 'wen', 'tobias.grant@quillbrook.example', 'of the day before: not drawn'),
  (102, '2024-03-13 16:05:00.000000', 'risk', 'wen', 'tobias.grant@quillbrook.example', 'where do you end up?'),
  (103, '2024-03-13 16:05:40.000000', 'risk', 'tobias', 'wen.hartmann@quillbrook.example', 'long 4k DV01 of 10s; stop at 98-28'),
  (104, '2024-03-13 16:10:00.000000', 'halden', 'meg', 'tobias.grant@quillbrook.example', '500 TYM4 sold at 110-14+ for you'),
  (105, '2024-03-13 16:10:20.000000', 'halden', 'tobias', 'meg.stroud@halden.example', 'thanks, give up to Quill as usual');
