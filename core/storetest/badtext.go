package storetest

import (
	"testing"

	"c2d/core/audit"
	"c2d/core/event"
	"c2d/core/fault"
	"c2d/core/identity"
	"c2d/core/user"
)

// testBadText gives stores what they must neither change, nor take for SQL, nor fail on.
func testBadText(t *testing.T, s Stores) {
	ctx := t.Context()
	for _, bad := range []string{"a\x00b", "\xff", "\xc3"} {
		u := newUser(tenantA, "u"+bad, "login")
		_, err := s.PutUser(ctx, u, audit.Trail{})
		wantCode(t, err, fault.CodeBadCharacter)
		_, err = s.User(ctx, tenantA, bad)
		wantCode(t, err, fault.CodeBadCharacter)
		_, err = s.Read(ctx, event.Filter{Tenant: tenantA, Subject: bad}, "", 1)
		ok(t, ignore(err, fault.CodeBadCharacter))
	}
	for i, odd := range []string{"'; DROP TABLE users; --", "?", "$1", `\`, `"`, "%", "\r\n", "\u202e", "𠮷"} {
		u := newUser(tenantA, odd, "login"+string(rune('a'+i)))
		u.Identifiers = []identity.Identifier{{System: odd, Value: odd}}
		u = putUser(t, s, u)
		users, err := s.UsersByIdentifier(ctx, tenantA, identity.Identifier{System: odd, Value: odd})
		ok(t, err)
		same(t, users, []user.User{u})
	}
}

// ignore returns the error unless it has the code: a store that reads from memory has no text to refuse.
func ignore(err error, code fault.Code) error {
	if fault.Is(err, code) {
		return nil
	}
	return err
}
