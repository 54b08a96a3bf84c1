-- Both databases run this file. For PostgreSQL every TEXT is given the collation "C", so that text is ordered by its
-- bytes on both, and what only SQLite knows is left out (see migrate.go). Times are milliseconds since 1970 in UTC. A doc is the aggregate as JSON; the columns
-- beside it are what look-ups, rules and secrets need. Every key begins with the tenant.

-- +goose Up

-- How far each tenant's event log and audit chain have come. The row without a tenant is locked by each transaction
-- that writes, which makes the order of sequence numbers the order of commits.
CREATE TABLE heads (
    tenant       TEXT   NOT NULL PRIMARY KEY,
    event_seq    BIGINT NOT NULL,
    event_pruned BIGINT NOT NULL,
    audit_seq    BIGINT NOT NULL,
    audit_hash   TEXT   NOT NULL
);
INSERT INTO heads (tenant, event_seq, event_pruned, audit_seq, audit_hash) VALUES ('', 0, 0, 0, '');

CREATE TABLE events (
    tenant  TEXT   NOT NULL,
    seq     BIGINT NOT NULL,
    kind    TEXT   NOT NULL,
    subject TEXT   NOT NULL,
    user_id TEXT   NOT NULL,
    version BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    data    TEXT   NOT NULL,
    PRIMARY KEY (tenant, seq)
);
CREATE INDEX events_subject ON events (tenant, subject, seq);

CREATE TABLE audit (
    tenant TEXT   NOT NULL,
    seq    BIGINT NOT NULL,
    at     BIGINT NOT NULL,
    doc    TEXT   NOT NULL,
    PRIMARY KEY (tenant, seq)
);

-- One row for each identifier of a user, device or contact (kind); each is unique within its kind.
CREATE TABLE identifiers (
    tenant TEXT NOT NULL,
    kind   TEXT NOT NULL,
    system TEXT NOT NULL,
    value  TEXT NOT NULL,
    owner  TEXT NOT NULL,
    PRIMARY KEY (tenant, kind, system, value)
) WITHOUT ROWID;
CREATE INDEX identifiers_owner ON identifiers (tenant, kind, owner);

CREATE TABLE users (
    tenant  TEXT   NOT NULL,
    id      TEXT   NOT NULL,
    version BIGINT NOT NULL,
    login   TEXT   NOT NULL,
    doc     TEXT   NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX users_login ON users (tenant, login);

CREATE TABLE user_devices (
    tenant    TEXT NOT NULL,
    device_id TEXT NOT NULL,
    user_id   TEXT NOT NULL,
    PRIMARY KEY (tenant, device_id, user_id),
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX user_devices_user ON user_devices (tenant, user_id);

CREATE TABLE devices (
    tenant      TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    version     BIGINT NOT NULL,
    address     TEXT,
    number      TEXT,
    username    TEXT,
    credentials TEXT,
    doc         TEXT   NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX devices_address ON devices (tenant, address);
CREATE UNIQUE INDEX devices_username ON devices (tenant, username);
CREATE INDEX devices_number ON devices (tenant, number);

CREATE TABLE bindings (
    tenant     TEXT   NOT NULL,
    aor        TEXT   NOT NULL,
    contact    TEXT   NOT NULL,
    instance   TEXT   NOT NULL,
    reg_id     BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    doc        TEXT   NOT NULL,
    PRIMARY KEY (tenant, aor, contact)
);
CREATE UNIQUE INDEX bindings_instance ON bindings (tenant, aor, instance, reg_id) WHERE instance <> '';

CREATE TABLE contacts (
    tenant   TEXT   NOT NULL,
    id       TEXT   NOT NULL,
    version  BIGINT NOT NULL,
    name_key TEXT   NOT NULL,
    doc      TEXT   NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX contacts_name ON contacts (tenant, name_key, id);

-- One row for each folded name, number and URI (kind) by which a contact is found. There is no foreign key: an import
-- of a whole book would check each row by itself, while calls wait for it.
CREATE TABLE contact_keys (
    tenant     TEXT NOT NULL,
    kind       TEXT NOT NULL,
    value      TEXT NOT NULL,
    contact_id TEXT NOT NULL,
    PRIMARY KEY (tenant, kind, value, contact_id)
) WITHOUT ROWID;
CREATE INDEX contact_keys_contact ON contact_keys (tenant, contact_id);

-- token_until is when a token ends, 0 for a key: of tokens, which browsers get all day, nothing is kept but the audit.
CREATE TABLE access_keys (
    tenant       TEXT   NOT NULL,
    id           TEXT   NOT NULL,
    hash         TEXT   NOT NULL,
    last_used_at BIGINT NOT NULL,
    token_until  BIGINT NOT NULL,
    doc          TEXT   NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX access_keys_hash ON access_keys (hash);
CREATE INDEX access_keys_token ON access_keys (token_until) WHERE token_until > 0;

-- node and epoch say whose the call is; each change checks them. is_open: something of it may still be alive.
-- caller_ringing is the caller's user id while the caller's phone rings, which it may do for one call at a time.
CREATE TABLE calls (
    tenant         TEXT    NOT NULL,
    id             TEXT    NOT NULL,
    version        BIGINT  NOT NULL,
    node           TEXT    NOT NULL,
    epoch          BIGINT  NOT NULL,
    active         INTEGER NOT NULL,
    is_open        INTEGER NOT NULL,
    user_id        TEXT    NOT NULL,
    caller_ringing TEXT,
    created_at     BIGINT  NOT NULL,
    context        TEXT    NOT NULL,
    doc            TEXT    NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX calls_caller_ringing ON calls (tenant, caller_ringing);
CREATE INDEX calls_created ON calls (tenant, created_at, id);
CREATE INDEX calls_user ON calls (tenant, user_id, created_at, id);
CREATE INDEX calls_active ON calls (tenant, created_at, id) WHERE active = 1;
CREATE INDEX calls_open ON calls (node, tenant, id) WHERE is_open = 1;

CREATE TABLE call_context (
    tenant  TEXT NOT NULL,
    k       TEXT NOT NULL,
    v       TEXT NOT NULL,
    call_id TEXT NOT NULL,
    PRIMARY KEY (tenant, k, v, call_id),
    FOREIGN KEY (tenant, call_id) REFERENCES calls (tenant, id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX call_context_call ON call_context (tenant, call_id);

CREATE TABLE idempotency (
    tenant     TEXT   NOT NULL,
    key_id     TEXT   NOT NULL,
    key        TEXT   NOT NULL,
    body_hash  TEXT   NOT NULL,
    call_id    TEXT   NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, key_id, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_expires ON idempotency (expires_at);
