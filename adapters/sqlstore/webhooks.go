package sqlstore

import (
	"context"
	"database/sql"
	"time"

	"c2d/core/audit"
	"c2d/core/job"
	"c2d/core/webhook"
)

var _ webhook.Store = (*Store)(nil)

// attemptsKept is how many attempts of a hook can be looked up.
const attemptsKept = 500

// PutHook implements [webhook.Store].
func (s *Store) PutHook(ctx context.Context, h webhook.Hook, t audit.Trail) (webhook.Hook, error) {
	round(&h.CreatedAt, &h.DisabledAt)
	seq, err := eventSeq(h.Cursor)
	if err != nil {
		return webhook.Hook{}, err
	}
	err = s.change(ctx, h.Tenant, t, func(ctx context.Context, tx *tx) error { return tx.putHook(ctx, &h, seq) })
	if err != nil {
		return webhook.Hook{}, err
	}
	return s.Hook(ctx, h.Tenant, h.ID)
}

func (t *tx) putHook(ctx context.Context, h *webhook.Hook, seq int64) error {
	if err := t.checkRow(ctx, "webhooks", h.Tenant, h.ID, h.Version); err != nil {
		return err
	}
	stored := *h
	stored.Version++
	doc, err := encode(stored)
	if err != nil {
		return err
	}
	secrets, err := encode(h.Secrets)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `INSERT INTO webhooks (tenant, id, version, event_seq, disabled_at, why, failing_since, secrets, doc) VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?)
		ON CONFLICT (tenant, id) DO UPDATE SET version = excluded.version, disabled_at = excluded.disabled_at, why = excluded.why, failing_since = 0,
		secrets = excluded.secrets, doc = excluded.doc`, h.Tenant, h.ID, stored.Version, seq, millis(h.DisabledAt), h.Why, secrets, doc)
	return err
}

const selectHook = "SELECT tenant, event_seq, disabled_at, why, failing_since, secrets, doc FROM webhooks WHERE tenant = ?"

func scanHook(rows *sql.Rows) (webhook.Hook, error) {
	var tenant, why, secrets, doc string
	var seq, disabled, failing int64
	if err := rows.Scan(&tenant, &seq, &disabled, &why, &failing, &secrets, &doc); err != nil {
		return webhook.Hook{}, err
	}
	h, err := decode[webhook.Hook](doc)
	if err != nil {
		return h, err
	}
	h.Tenant, h.Cursor, h.DisabledAt, h.Why, h.FailingSince = tenant, eventCursor(seq), moment(disabled), why, moment(failing)
	h.Secrets, err = decode[[]webhook.Secret](secrets)
	return h, err
}

// Hook implements [webhook.Store].
func (s *Store) Hook(ctx context.Context, tenant, id string) (webhook.Hook, error) {
	return one(ctx, s.reader, scanHook, selectHook+" AND id = ?", tenant, id)
}

// Hooks implements [webhook.Store].
func (s *Store) Hooks(ctx context.Context, tenant string) ([]webhook.Hook, error) {
	return all(ctx, s.reader, scanHook, selectHook+" ORDER BY id", tenant)
}

// DeleteHook implements [webhook.Store].
func (s *Store) DeleteHook(ctx context.Context, tenant, id string, t audit.Trail) error {
	return s.change(ctx, tenant, t, func(ctx context.Context, tx *tx) error {
		n, err := tx.exec(ctx, "DELETE FROM webhooks WHERE tenant = ? AND id = ?", tenant, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return notFound()
		}
		if _, err := tx.exec(ctx, "DELETE FROM webhook_attempts WHERE tenant = ? AND hook = ?", tenant, id); err != nil {
			return err
		}
		return tx.deleteJobs(ctx, tenant, job.Webhook, id)
	})
}

// Advance implements [webhook.Store].
func (s *Store) Advance(ctx context.Context, tenant, id, from, to string, jobs []job.Job) error {
	before, err := eventSeq(from)
	if err != nil {
		return err
	}
	after, err := eventSeq(to)
	if err != nil {
		return err
	}
	return s.w.do(ctx, writeLimit, func(ctx context.Context, t *tx) error {
		n, err := t.exec(ctx, "UPDATE webhooks SET event_seq = ? WHERE tenant = ? AND id = ? AND event_seq = ? AND disabled_at = 0", after, tenant, id, before)
		if err != nil {
			return err
		}
		if n == 0 {
			return conflict()
		}
		return t.putJobs(ctx, jobs)
	})
}

// Rewind implements [webhook.Store].
func (s *Store) Rewind(ctx context.Context, tenant, id, to string, t audit.Trail) error {
	seq, err := eventSeq(to)
	if err != nil {
		return err
	}
	return s.place(ctx, tenant, id, t, "UPDATE webhooks SET event_seq = ? WHERE tenant = ? AND id = ?", seq, tenant, id)
}

// Disable implements [webhook.Store].
func (s *Store) Disable(ctx context.Context, tenant, id, why string, at time.Time, to string, t audit.Trail) error {
	seq, err := eventSeq(to)
	if err != nil {
		return err
	}
	return s.place(ctx, tenant, id, t, "UPDATE webhooks SET event_seq = ?, disabled_at = ?, why = ? WHERE tenant = ? AND id = ? AND disabled_at = 0",
		seq, millis(at), why, tenant, id)
}

// place sets a hook's place in the log, from where all is told anew; fault.CodeNotFound unless the update finds it.
func (s *Store) place(ctx context.Context, tenant, id string, t audit.Trail, update string, args ...any) error {
	return s.change(ctx, tenant, t, func(ctx context.Context, tx *tx) error {
		n, err := tx.exec(ctx, update, args...)
		if err != nil {
			return err
		}
		if n == 0 {
			return notFound()
		}
		return tx.deleteJobs(ctx, tenant, job.Webhook, id)
	})
}

// Settle implements [webhook.Store].
func (s *Store) Settle(ctx context.Context, tenant, id string, o webhook.Outcome) (failingSince time.Time, err error) {
	err = s.w.do(ctx, writeLimit, func(ctx context.Context, t *tx) error {
		since, err := one(ctx, t, scalar[int64], "SELECT failing_since FROM webhooks WHERE tenant = ? AND id = ?", tenant, id)
		if err != nil {
			return err
		}
		switch {
		case o.Again.IsZero():
			since = 0
		case since == 0:
			since = millis(o.Attempt.At)
		}
		failingSince = moment(since)
		if _, err := t.exec(ctx, "UPDATE webhooks SET failing_since = ? WHERE tenant = ? AND id = ? AND failing_since <> ?", since, tenant, id, since); err != nil {
			return err
		}
		if err := t.noteAttempt(ctx, tenant, id, o.Attempt); err != nil {
			return err
		}
		return t.endJob(ctx, o.Job, o.Again)
	})
	return failingSince, err
}

func (t *tx) noteAttempt(ctx context.Context, tenant, id string, a webhook.Attempt) error {
	last, _, err := find(ctx, t, scalar[int64], "SELECT seq FROM webhook_attempts WHERE tenant = ? AND hook = ? ORDER BY seq DESC LIMIT 1", tenant, id)
	if err != nil {
		return err
	}
	round(&a.At)
	doc, err := encode(a)
	if err != nil {
		return err
	}
	if _, err := t.exec(ctx, "INSERT INTO webhook_attempts (tenant, hook, seq, doc) VALUES (?, ?, ?, ?)", tenant, id, last+1, doc); err != nil {
		return err
	}
	_, err = t.exec(ctx, "DELETE FROM webhook_attempts WHERE tenant = ? AND hook = ? AND seq <= ?", tenant, id, last+1-attemptsKept)
	return err
}

// Attempts implements [webhook.Store].
func (s *Store) Attempts(ctx context.Context, tenant, id string, limit int) ([]webhook.Attempt, error) {
	return all(ctx, s.reader, document[webhook.Attempt], "SELECT doc FROM webhook_attempts WHERE tenant = ? AND hook = ? ORDER BY seq DESC LIMIT ?",
		tenant, id, clamp(limit))
}

// Pending implements [webhook.Store].
func (s *Store) Pending(ctx context.Context, tenant, id string) (int, error) {
	n, _, err := find(ctx, s.reader, scalar[int], "SELECT count(*) FROM jobs WHERE "+ofSubject, tenant, string(job.Webhook), id)
	return n, err
}
