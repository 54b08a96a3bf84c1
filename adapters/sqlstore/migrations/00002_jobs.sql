-- +goose Up

-- What is done later, or again (core/job). line: what is done one after the other, in the order of ids. leased_until is when the
-- process that works on it may have died.
CREATE TABLE jobs (
    tenant       TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    id           TEXT    NOT NULL,
    line         TEXT    NOT NULL,
    not_before   BIGINT  NOT NULL,
    leased_until BIGINT  NOT NULL,
    attempts     INTEGER NOT NULL,
    data         TEXT    NOT NULL,
    PRIMARY KEY (tenant, kind, subject, id)
) WITHOUT ROWID;
CREATE INDEX jobs_due ON jobs (tenant, kind, subject, not_before);
CREATE INDEX jobs_line ON jobs (tenant, kind, subject, line, id);

-- doc is what an administrator sets; how far a hook has come, and how it does, is beside it. event_seq: jobs were made up to it.
CREATE TABLE webhooks (
    tenant        TEXT   NOT NULL,
    id            TEXT   NOT NULL,
    version       BIGINT NOT NULL,
    event_seq     BIGINT NOT NULL,
    disabled_at   BIGINT NOT NULL,
    why           TEXT   NOT NULL,
    failing_since BIGINT NOT NULL,
    secrets       TEXT   NOT NULL,
    doc           TEXT   NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE webhook_attempts (
    tenant TEXT   NOT NULL,
    hook   TEXT   NOT NULL,
    seq    BIGINT NOT NULL,
    doc    TEXT   NOT NULL,
    PRIMARY KEY (tenant, hook, seq)
) WITHOUT ROWID;
