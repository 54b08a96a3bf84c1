package storetest

import (
	"fmt"
	"testing"

	"c2d/core/audit"
	"c2d/core/fault"
	"c2d/core/identity"
	"c2d/core/user"
)

func newUser(tenant, id, login string) user.User {
	return user.User{ID: id, Tenant: tenant, Login: login, Name: "护士 " + login, ContactID: "c-" + id, Site: "north",
		DeviceIDs: []string{"ward", "d-" + id}, Identifiers: []identity.Identifier{{System: "staff", Value: login}}, CreatedAt: noon, UpdatedAt: noon}
}

// putUser stores a user and returns it as it is expected to come back.
func putUser(t *testing.T, s Stores, u user.User) user.User {
	t.Helper()
	stored, err := s.PutUser(t.Context(), u, trail(u.Tenant, u.ID))
	ok(t, err)
	u.Version++
	same(t, stored, u)
	return stored
}

func testUsers(t *testing.T, s Stores) {
	ctx := t.Context()
	harry := putUser(t, s, newUser(tenantA, "u1", "Harry"))
	mary := putUser(t, s, newUser(tenantA, "u2", "mary"))
	t.Run("is found", func(t *testing.T) { wantUser(t, s, harry) })
	t.Run("each change leaves its trail", func(t *testing.T) {
		entries, events := left(t, s, tenantA)
		same(t, [2]int{entries, events}, [2]int{2, 2})
	})
	t.Run("is not found", func(t *testing.T) {
		_, err := s.User(ctx, tenantA, "u9")
		wantCode(t, err, fault.CodeNotFound)
		_, err = s.UserByLogin(ctx, tenantA, "nobody")
		wantCode(t, err, fault.CodeNotFound)
		none, err := s.UsersByIdentifier(ctx, tenantA, identity.Identifier{System: "harry", Value: "staff"})
		ok(t, err)
		same(t, len(none), 0)
		wantCode(t, s.DeleteUser(ctx, tenantA, "u9", trail(tenantA, "u9")), fault.CodeNotFound)
	})
	t.Run("of a shared device, by login", func(t *testing.T) {
		users, err := s.UsersByDevice(ctx, tenantA, "ward")
		ok(t, err)
		same(t, users, []user.User{harry, mary})
	})
	t.Run("refused", func(t *testing.T) { testUsersRefused(t, s, harry) })
	t.Run("changes", func(t *testing.T) { testUserChanges(t, s, harry, mary) })
	t.Run("list", func(t *testing.T) { testUserList(t, s) })
}

func wantUser(t *testing.T, s Stores, want user.User) {
	t.Helper()
	ctx := t.Context()
	u, err := s.User(ctx, want.Tenant, want.ID)
	ok(t, err)
	same(t, u, want)
	u, err = s.UserByLogin(ctx, want.Tenant, "hARRY")
	ok(t, err)
	same(t, u, want)
	users, err := s.UsersByIdentifier(ctx, want.Tenant, want.Identifiers[0])
	ok(t, err)
	same(t, users, []user.User{want})
}

func testUsersRefused(t *testing.T, s Stores, harry user.User) {
	refused := func(name string, code fault.Code, field string, u user.User) {
		t.Run(name, func(t *testing.T) {
			_, err := s.PutUser(t.Context(), u, trail(tenantA, u.ID))
			wantField(t, err, code, field)
			wantUser(t, s, harry)
			entries, events := left(t, s, tenantA)
			same(t, [2]int{entries, events}, [2]int{2, 2})
		})
	}
	login, number, again, stale, gone := newUser(tenantA, "u3", "HARRY"), newUser(tenantA, "u3", "ron"), harry, harry, newUser(tenantA, "u9", "luna")
	number.Identifiers = append(number.Identifiers, identity.Identifier{System: "staff", Value: "mary"})
	again.Version, stale.Version, gone.Version = 0, 2, 1
	refused("the login is taken", fault.CodeExists, "login", login)
	refused("the identifier is taken", fault.CodeExists, "identifiers", number)
	refused("the id is taken", fault.CodeConflict, "", again)
	refused("another version", fault.CodeConflict, "", stale)
	refused("replaces nobody", fault.CodeNotFound, "", gone)
}

// testUserChanges renames one user, so that another can have what it had.
func testUserChanges(t *testing.T, s Stores, harry, mary user.User) {
	ctx := t.Context()
	mary.Login, mary.DeviceIDs = "maria", []string{"d-u2"}
	mary.Identifiers = []identity.Identifier{{System: "staff", Value: "7"}, {System: "staff", Value: "7"}}
	mary = putUser(t, s, mary)
	same(t, mary.Version, 2)
	putUser(t, s, newUser(tenantA, "u3", "mary"))
	users, err := s.UsersByDevice(ctx, tenantA, "ward")
	ok(t, err)
	same(t, len(users), 2)

	ok(t, s.DeleteUser(ctx, tenantA, harry.ID, trail(tenantA, harry.ID)))
	_, err = s.User(ctx, tenantA, harry.ID)
	wantCode(t, err, fault.CodeNotFound)
	users, err = s.UsersByDevice(ctx, tenantA, "ward")
	ok(t, err)
	same(t, len(users), 1)
	putUser(t, s, newUser(tenantA, "u4", "harry"))
	entries, events := left(t, s, tenantA)
	same(t, [2]int{entries, events}, [2]int{6, 6})
}

func testUserList(t *testing.T, s Stores) {
	for i := range 5 {
		_, err := s.PutUser(t.Context(), newUser("list", fmt.Sprint(i), fmt.Sprint("z", 5-i)), audit.Trail{})
		ok(t, err)
	}
	for _, limit := range []int{1, 2, 5, 500} {
		users := pages(t, limit, func(after string) ([]user.User, string, error) {
			return s.Users(t.Context(), "list", user.Page{After: after, Limit: limit})
		})
		var logins []string
		for _, u := range users {
			logins = append(logins, u.Login)
		}
		same(t, logins, []string{"z1", "z2", "z3", "z4", "z5"})
	}
	badCursors(t, func(after string) error {
		_, _, err := s.Users(t.Context(), "list", user.Page{After: after, Limit: 1})
		return err
	})
}
