package sqlstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

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
	calls, err := all(ctx, s.reader, scanCall, query+" ORDER BY c.created_at DESC, c.id DESC LIMIT ?", append(args, limit+1)...)
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
	from, args := labelled(q)
	query = "SELECT c.doc FROM " + from + " WHERE c.tenant = ?"
	args = append(args, q.Tenant)
	if len(q.Context) > 0 {
		query += " AND c.id = x.call_id"
	}
	if q.Active {
		query += " AND c.active = 1"
	}
	if q.UserID != "" {
		query, args = query+" AND c.user_id = ?", append(args, q.UserID)
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
	return query + " AND (c.created_at, c.id) < (?, ?)", append(args, at, key[1]), nil
}

// labelled returns from where calls of a context are read: from the context's index, which is narrow where a list of
// all calls is long. SQLite keeps to the order of a CROSS JOIN; by itself it would go through all calls by time.
func labelled(q call.Query) (from string, args []any) {
	if len(q.Context) == 0 {
		return "calls c", nil
	}
	var labels []string
	for k, v := range q.Context {
		labels = append(labels, "SELECT call_id FROM call_context WHERE tenant = ? AND k = ? AND v = ?")
		args = append(args, q.Tenant, label(k), label(v))
	}
	return "(" + strings.Join(labels, " INTERSECT ") + ") x CROSS JOIN calls c", args
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
