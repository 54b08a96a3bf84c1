package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"c2d/core/job"
)

var _ job.Store = (*Store)(nil)

// ofSubject is the condition that a job is of one subject.
const ofSubject = "tenant = ? AND kind = ? AND subject = ?"

// firstOfLine is the condition that a job j is one of a subject, and has no job of its line before it.
const firstOfLine = `j.tenant = ? AND j.kind = ? AND j.subject = ? AND NOT EXISTS (SELECT 1 FROM jobs o
	WHERE o.tenant = j.tenant AND o.kind = j.kind AND o.subject = j.subject AND o.line = j.line AND o.id < j.id)`

// Claim implements [job.Store]. It looks before it writes, so that a subject without work costs no commit.
func (s *Store) Claim(ctx context.Context, tenant string, k job.Kind, subject string, now time.Time, lease time.Duration, limit int) (jobs []job.Job, err error) {
	look := func(ctx context.Context, q querier) error {
		jobs, err = all(ctx, q, scanJob, selectJob+"WHERE "+firstOfLine+` AND j.not_before <= ? AND j.leased_until <= ?
			ORDER BY j.not_before, j.id LIMIT ?`, tenant, string(k), subject, millis(now), millis(now), clamp(limit))
		return err
	}
	if err := look(ctx, s.reader); err != nil || len(jobs) == 0 {
		return nil, err
	}
	err = s.w.do(ctx, writeLimit, func(ctx context.Context, t *tx) error {
		if err := look(ctx, t); err != nil {
			return err
		}
		for _, j := range jobs {
			if _, err := t.exec(ctx, "UPDATE jobs SET leased_until = ? WHERE "+ofSubject+" AND id = ?", millis(now.Add(lease)), tenant, string(k), subject, j.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return jobs, nil
}

// Next implements [job.Store].
func (s *Store) Next(ctx context.Context, tenant string, k job.Kind, subject string) (time.Time, bool, error) {
	ms, found, err := find(ctx, s.reader, scalar[int64], `SELECT CASE WHEN j.not_before > j.leased_until THEN j.not_before ELSE j.leased_until END AS due
		FROM jobs j WHERE `+firstOfLine+` ORDER BY due LIMIT 1`, tenant, string(k), subject)
	return moment(ms), found, err
}

// Oldest implements [webhook.Store].
func (s *Store) Oldest(ctx context.Context, tenant string, k job.Kind, subject string) (job.Job, error) {
	return one(ctx, s.reader, scanJob, selectJob+"WHERE "+ofSubject+" ORDER BY id LIMIT 1", tenant, string(k), subject)
}

const selectJob = "SELECT j.tenant, j.kind, j.subject, j.id, j.line, j.not_before, j.attempts, j.data FROM jobs j "

func scanJob(rows *sql.Rows) (j job.Job, err error) {
	var notBefore int64
	var data string
	err = rows.Scan(&j.Tenant, &j.Kind, &j.Subject, &j.ID, &j.Line, &notBefore, &j.Attempts, &data)
	j.NotBefore, j.Data = moment(notBefore), json.RawMessage(data)
	return j, err
}

// putJobs adds jobs; one that is there already stays as it is.
func (t *tx) putJobs(ctx context.Context, jobs []job.Job) error {
	rows := make([][]any, len(jobs))
	for i, j := range jobs {
		rows[i] = []any{j.Tenant, string(j.Kind), j.Subject, j.ID, j.Line, millis(j.NotBefore), 0, j.Attempts, string(j.Data)}
	}
	_, err := t.insert(ctx, "jobs (tenant, kind, subject, id, line, not_before, leased_until, attempts, data)", 9, "ON CONFLICT DO NOTHING", rows)
	return err
}

// endJob removes a job, or puts it off until again.
func (t *tx) endJob(ctx context.Context, j job.Job, again time.Time) (err error) {
	if again.IsZero() {
		_, err = t.exec(ctx, "DELETE FROM jobs WHERE "+ofSubject+" AND id = ?", j.Tenant, string(j.Kind), j.Subject, j.ID)
		return err
	}
	_, err = t.exec(ctx, "UPDATE jobs SET not_before = ?, leased_until = 0, attempts = attempts + 1 WHERE "+ofSubject+" AND id = ?",
		millis(again), j.Tenant, string(j.Kind), j.Subject, j.ID)
	return err
}

func (t *tx) deleteJobs(ctx context.Context, tenant string, k job.Kind, subject string) error {
	_, err := t.exec(ctx, "DELETE FROM jobs WHERE "+ofSubject, tenant, string(k), subject)
	return err
}
