package sqlstore

import (
	"encoding/base64"
	"encoding/json"
	"strconv"

	"c2d/core/fault"
)

// list names what a cursor goes through, so that one list's cursor is refused by another.
type list string

const (
	callList    list = "c"
	userList    list = "u"
	deviceList  list = "d"
	contactList list = "b"
)

// cursor returns the opaque cursor of the item with that sort key.
func (l list) cursor(key ...string) string {
	b, _ := json.Marshal(append([]string{string(l)}, key...)) // strings cannot fail
	return base64.RawURLEncoding.EncodeToString(b)
}

// key returns the sort key of a cursor; fault.CodeBadCursor unless this list gave it, with n parts.
func (l list) key(cursor string, n int) ([]string, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil {
		return nil, badCursor()
	}
	var parts []string
	if json.Unmarshal(b, &parts) != nil || len(parts) != n+1 || parts[0] != string(l) || l.cursor(parts[1:]...) != cursor {
		return nil, badCursor()
	}
	return parts[1:], nil
}

func badCursor() error {
	return fault.Field(fault.CodeBadCursor, "cursor", "this is no cursor that this list gave out")
}

// eventCursor is an event's id: its place in the tenant's log.
func eventCursor(seq int64) string { return "e" + strconv.FormatInt(seq, 36) }

// eventSeq returns the place that a cursor stands for; 0 for an empty one.
func eventSeq(cursor string) (int64, error) {
	if cursor == "" {
		return 0, nil
	}
	seq, err := strconv.ParseInt(cursor[1:], 36, 64)
	if err != nil || seq < 0 || eventCursor(seq) != cursor {
		return 0, badCursor()
	}
	return seq, nil
}

// cut returns at most limit of the items and, if there are more, the cursor after them.
func cut[T any](items []T, limit int, cursor func(*T) string) ([]T, string) {
	if len(items) <= limit {
		return items, ""
	}
	items = items[:limit]
	return items, cursor(&items[limit-1])
}
