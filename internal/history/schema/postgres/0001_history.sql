-- An object as it was rendered: sealed, at an address made of its content.
CREATE TABLE history_object (
    id      BIGINT PRIMARY KEY,
    address BYTEA  NOT NULL UNIQUE,
    body    BYTEA  NOT NULL
);

-- What is sealed can't be compressed.
ALTER TABLE history_object ALTER COLUMN body SET STORAGE EXTERNAL;

-- A revision of an app. A higher id was kept later.
CREATE TABLE history_entry (
    id          BIGINT  PRIMARY KEY,
    dialect     TEXT    NOT NULL,
    namespace   TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    revision    TEXT    NOT NULL,
    -- address is made of app, revision and sources.
    address     BYTEA   NOT NULL UNIQUE,
    key_id      BYTEA   NOT NULL,
    -- deployed_at is in milliseconds since 1970.
    deployed_at BIGINT  NOT NULL,
    healthy     BOOLEAN NOT NULL,
    body        BYTEA   NOT NULL
);

CREATE INDEX history_entry_app ON history_entry (dialect, namespace, name, id);

-- The objects of an entry, in order: each row is those from id first on.
CREATE TABLE history_span (
    entry    BIGINT NOT NULL,
    position BIGINT NOT NULL,
    first    BIGINT NOT NULL,
    length   BIGINT NOT NULL,
    PRIMARY KEY (entry, position)
);

CREATE INDEX history_span_first ON history_span (first);
