-- An object as it was rendered: sealed, at an address made of its content.
CREATE TABLE history_object (
    id      INTEGER PRIMARY KEY,
    address BLOB    NOT NULL UNIQUE,
    body    BLOB    NOT NULL
);

-- A revision of an app. A higher id was kept later.
CREATE TABLE history_entry (
    id          INTEGER PRIMARY KEY,
    dialect     TEXT    NOT NULL,
    namespace   TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    revision    TEXT    NOT NULL,
    -- address is made of app, revision and sources.
    address     BLOB    NOT NULL UNIQUE,
    key_id      BLOB    NOT NULL,
    -- deployed_at is in milliseconds since 1970.
    deployed_at BIGINT  NOT NULL,
    healthy     BOOLEAN NOT NULL,
    body        BLOB    NOT NULL
);

CREATE INDEX history_entry_app ON history_entry (dialect, namespace, name, id);

-- The objects of an entry, in order: each row is those from id first on.
CREATE TABLE history_span (
    entry    BIGINT NOT NULL,
    position BIGINT NOT NULL,
    first    BIGINT NOT NULL,
    length   BIGINT NOT NULL,
    PRIMARY KEY (entry, position)
) WITHOUT ROWID;

CREATE INDEX history_span_first ON history_span (first);
