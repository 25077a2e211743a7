-- What is stored of revisions, in bytes: one row. The numbers are those of room.go.
CREATE TABLE history_size (
    bytes BIGINT NOT NULL
);

INSERT INTO history_size (bytes) SELECT
    (SELECT COALESCE(SUM(LENGTH(body) + 64), 0) FROM history_object) +
    (SELECT COALESCE(SUM(LENGTH(body) + 256), 0) FROM history_entry) +
    (SELECT COUNT(*) * 48 FROM history_span);

-- What happened to apps. A higher id happened later.
CREATE TABLE activity (
    id        INTEGER PRIMARY KEY,
    -- at is in milliseconds since 1970.
    at        BIGINT NOT NULL,
    dialect   TEXT   NOT NULL,
    namespace TEXT   NOT NULL,
    name      TEXT   NOT NULL,
    project   TEXT   NOT NULL,
    kind      TEXT   NOT NULL,
    actor     TEXT   NOT NULL,
    -- body is the rest, as JSON; search what texts are looked for in, in lower case.
    body      TEXT   NOT NULL,
    search    TEXT   NOT NULL
);

CREATE INDEX activity_app ON activity (dialect, namespace, name, id);
CREATE INDEX activity_project ON activity (project, id);
CREATE INDEX activity_kind ON activity (kind, id);
CREATE INDEX activity_actor ON activity (actor, id);
CREATE INDEX activity_at ON activity (at, id);

-- Who did or saw what: never changed, and removed only from the oldest on, up to
-- audit_chain.start_id.
CREATE TABLE audit_record (
    id       INTEGER PRIMARY KEY,
    -- at is in milliseconds since 1970.
    at       BIGINT NOT NULL,
    actor    TEXT   NOT NULL,
    address  TEXT   NOT NULL,
    via      TEXT   NOT NULL,
    action   TEXT   NOT NULL,
    object   TEXT   NOT NULL,
    target   TEXT   NOT NULL,
    revision TEXT   NOT NULL,
    outcome  TEXT   NOT NULL,
    detail   TEXT   NOT NULL,
    key_id   BLOB   NOT NULL,
    -- mac is a keyed hash of the mac before and of the record.
    mac      BLOB   NOT NULL
);

CREATE INDEX audit_record_actor ON audit_record (actor, id);
CREATE INDEX audit_record_action ON audit_record (action, id);
CREATE INDEX audit_record_object ON audit_record (object, id);
CREATE INDEX audit_record_outcome ON audit_record (outcome, id);
CREATE INDEX audit_record_at ON audit_record (at, id);

-- Where the chain of audit records begins and ends: one row. seal is a keyed hash
-- of the row.
CREATE TABLE audit_chain (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    key_id    BLOB   NOT NULL,
    start_id  BIGINT NOT NULL,
    start_mac BLOB   NOT NULL,
    last_id   BIGINT NOT NULL,
    last_mac  BLOB   NOT NULL,
    -- broken_id is the first record that was added to a chain that did not fit; 0 is
    -- none.
    broken_id BIGINT NOT NULL,
    seal      BLOB   NOT NULL
);

CREATE TRIGGER audit_record_insert BEFORE INSERT ON audit_record
WHEN NEW.id <= (SELECT COALESCE(MAX(id), 0) FROM audit_record)
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;

CREATE TRIGGER audit_record_update BEFORE UPDATE ON audit_record
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;

CREATE TRIGGER audit_record_delete BEFORE DELETE ON audit_record
WHEN OLD.id > (SELECT COALESCE(MAX(start_id), 0) FROM audit_chain)
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;

CREATE TRIGGER audit_chain_insert BEFORE INSERT ON audit_chain
WHEN EXISTS (SELECT 1 FROM audit_chain)
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;

CREATE TRIGGER audit_chain_update BEFORE UPDATE ON audit_chain
WHEN NEW.start_id < OLD.start_id OR NEW.last_id <= OLD.last_id
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;

CREATE TRIGGER audit_chain_delete BEFORE DELETE ON audit_chain
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;

-- Tokens that are not valid any more, by a hash of their ids, until they would have
-- expired: in milliseconds since 1970.
CREATE TABLE revoked_token (
    token   BLOB   NOT NULL PRIMARY KEY,
    expires BIGINT NOT NULL
) WITHOUT ROWID;

CREATE INDEX revoked_token_expires ON revoked_token (expires);
