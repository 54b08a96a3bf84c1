package sqlstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"c2d/core/call"
	"c2d/core/fault"
)

// mostLabels is how many keys of Query.Context narrow a list.
const mostLabels = 4

// List implements [call.Store].
func (s *Store) List(ctx context.Context, q call.Query) ([]call.Call, string, error) {
	query, args, err := listCalls(q)
	if err != nil {
		return nil, "", err
	}
	limit := clamp(q.Limit)
	calls, err := all(ctx, s.reader, scanCall, query+" ORDER BY created_at DESC, id DESC LIMIT ?", append(args, limit+1)...)
	if err != nil {
		return nil, "", err
	}
	calls, next := cut(calls, limit, func(c *call.Call) string {
		return callList.cursor(strconv.FormatInt(millis(c.CreatedAt), 10), c.ID)
	})
	return calls, next, nil
}

func listCalls(q call.Query) (query string, args []any, err error) {
	if len(q.Context) > mostLabels {
		return "", nil, fault.Field(fault.CodeInvalid, "context", "at most %d keys of the context can be asked for", mostLabels)
	}
	query, args = "SELECT doc FROM calls WHERE tenant = ?", []any{q.Tenant}
	if q.Active {
		query += " AND active = 1"
	}
	if q.UserID != "" {
		query, args = query+" AND user_id = ?", append(args, q.UserID)
	}
	for k, v := range q.Context {
		query += " AND id IN (SELECT call_id FROM call_context WHERE tenant = ? AND k = ? AND v = ?)"
		args = append(args, q.Tenant, label(k), label(v))
	}
	if q.After == "" {
		return query, args, nil
	}
	key, err := callList.key(q.After, 2)
	if err != nil {
		return "", nil, err
	}
	at, err := strconv.ParseInt(key[0], 10, 64)
	if err != nil {
		return "", nil, badCursor()
	}
	return query + " AND (created_at, id) < (?, ?)", append(args, at, key[1]), nil
}

func (t *tx) putContext(ctx context.Context, c *call.Call) error {
	rows := make([][]any, 0, len(c.Context))
	for k, v := range c.Context {
		rows = append(rows, []any{c.Tenant, label(k), label(v), c.ID})
	}
	_, err := t.insert(ctx, "call_context (tenant, k, v, call_id)", 4, "", rows)
	return err
}

// longLabel is what PostgreSQL's index takes with room to spare: its rows may have 2,704 bytes.
const longLabel = 200

// label is a key or value of a call's context as it is indexed: a long one by its hash.
func label(s string) string {
	if len(s) <= longLabel {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return "sha256:" + hex.EncodeToString(sum[:])
}
