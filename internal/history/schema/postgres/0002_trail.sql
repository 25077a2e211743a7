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
    id        BIGINT PRIMARY KEY,
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
    id       BIGINT PRIMARY KEY,
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
    key_id   BYTEA  NOT NULL,
    -- mac is a keyed hash of the mac before and of the record.
    mac      BYTEA  NOT NULL
);

CREATE INDEX audit_record_actor ON audit_record (actor, id);
CREATE INDEX audit_record_action ON audit_record (action, id);
CREATE INDEX audit_record_object ON audit_record (object, id);
CREATE INDEX audit_record_outcome ON audit_record (outcome, id);
CREATE INDEX audit_record_at ON audit_record (at, id);

-- Where the chain of audit records begins and ends: one row. seal is a keyed hash
-- of the row.
CREATE TABLE audit_chain (
    id        BIGINT PRIMARY KEY CHECK (id = 1),
    key_id    BYTEA  NOT NULL,
    start_id  BIGINT NOT NULL,
    start_mac BYTEA  NOT NULL,
    last_id   BIGINT NOT NULL,
    last_mac  BYTEA  NOT NULL,
    -- broken_id is the first record that was added to a chain that did not fit; 0 is
    -- none.
    broken_id BIGINT NOT NULL,
    seal      BYTEA  NOT NULL
);

CREATE FUNCTION audit_guard() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_TABLE_NAME = 'audit_record' AND TG_OP = 'DELETE' THEN
        IF OLD.id <= (SELECT COALESCE(MAX(start_id), 0) FROM audit_chain) THEN
            RETURN OLD;
        END IF;
    ELSIF TG_TABLE_NAME = 'audit_record' AND TG_OP = 'INSERT' THEN
        IF NEW.id > (SELECT COALESCE(MAX(id), 0) FROM audit_record) THEN
            RETURN NEW;
        END IF;
    ELSIF TG_TABLE_NAME = 'audit_chain' AND TG_OP = 'UPDATE' THEN
        IF NEW.start_id >= OLD.start_id AND NEW.last_id > OLD.last_id THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit trail is append-only';
END
$$;

CREATE TRIGGER audit_record_guard BEFORE INSERT OR UPDATE OR DELETE ON audit_record
    FOR EACH ROW EXECUTE FUNCTION audit_guard();
CREATE TRIGGER audit_record_truncate BEFORE TRUNCATE ON audit_record
    FOR EACH STATEMENT EXECUTE FUNCTION audit_guard();
CREATE TRIGGER audit_chain_guard BEFORE UPDATE OR DELETE ON audit_chain
    FOR EACH ROW EXECUTE FUNCTION audit_guard();
CREATE TRIGGER audit_chain_truncate BEFORE TRUNCATE ON audit_chain
    FOR EACH STATEMENT EXECUTE FUNCTION audit_guard();

-- Tokens that are not valid any more, by a hash of their ids, until they would have
-- expired: in milliseconds since 1970.
CREATE TABLE revoked_token (
    token   BYTEA  NOT NULL PRIMARY KEY,
    expires BIGINT NOT NULL
);

CREATE INDEX revoked_token_expires ON revoked_token (expires);
