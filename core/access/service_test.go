package access

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"c2d/core/fault"
)

var local = netip.MustParseAddr("127.0.0.1")

func wantFault(t *testing.T, err error, code fault.Code, field string) {
	t.Helper()
	var f *fault.Error
	if code == "" && err == nil {
		return
	}
	if !errors.As(err, &f) || f.Code != code || f.Field != field {
		t.Errorf("got %v, want %s (%s)", err, code, field)
	}
}

func TestBootstrap(t *testing.T) {
	o := newOffice(t)
	for role, secret := range o.secrets {
		a := o.as(t, secret)
		if a.Role != role || a.Tenant != MainTenant || !slices.Equal(a.Scopes, role.Scopes()) {
			t.Errorf("%s: %+v", role, a)
		}
		if len(secret) != 47 || !strings.HasPrefix(secret, "c2d_") {
			t.Errorf("the secret is %q", secret)
		}
	}
	for _, k := range o.store.keys {
		for _, secret := range o.secrets {
			if len(k.Hash) != 32 || strings.Contains(string(k.Hash), secret) {
				t.Error("a secret is stored")
			}
		}
	}
	if again, err := o.Bootstrap(t.Context(), MainTenant); again != nil || err != nil {
		t.Errorf("a second time: %v, %v", again, err)
	}
	if !slices.Equal(o.store.acts, []string{"key.bootstrap by internal", "key.bootstrap by internal", "key.bootstrap by internal"}) {
		t.Errorf("audited: %v", o.store.acts)
	}
}

// TestWhoMayIssue is the table of the package's comment: no administrator can make itself another.
func TestWhoMayIssue(t *testing.T) {
	actors := map[Role]map[Role]fault.Code{
		SystemAdmin:   {System: "", User: "", SystemAdmin: fault.CodeScopeMissing, SecurityAdmin: fault.CodeScopeMissing, AuditAdmin: fault.CodeForbidden},
		SecurityAdmin: {System: fault.CodeScopeMissing, User: fault.CodeScopeMissing, SystemAdmin: "", SecurityAdmin: "", AuditAdmin: fault.CodeForbidden},
		AuditAdmin:    {System: fault.CodeScopeMissing, User: fault.CodeScopeMissing, SystemAdmin: fault.CodeScopeMissing, SecurityAdmin: fault.CodeScopeMissing, AuditAdmin: fault.CodeForbidden},
		System:        {System: fault.CodeScopeMissing, User: fault.CodeScopeMissing, SystemAdmin: fault.CodeScopeMissing, SecurityAdmin: fault.CodeScopeMissing, AuditAdmin: fault.CodeForbidden},
		User:          {System: fault.CodeScopeMissing, User: fault.CodeScopeMissing, SystemAdmin: fault.CodeScopeMissing, SecurityAdmin: fault.CodeScopeMissing, AuditAdmin: fault.CodeForbidden},
	}
	o := newOffice(t)
	_, o.secrets[System] = o.issued(t, SystemAdmin, Key{Name: "HIS", Role: System})
	_, o.secrets[User] = o.issued(t, SystemAdmin, Key{Name: "harry", Role: User, UserID: "u1"})
	for by, rows := range actors {
		for role, want := range rows {
			k := Key{Name: "new " + string(by), Role: role}
			if role == User {
				k.UserID = "u1"
			}
			got, secret, err := o.Issue(t.Context(), o.as(t, o.secrets[by]), k)
			if fault.CodeOf(err) != want {
				t.Errorf("%s issues %s: %v, want %q", by, role, err, want)
			}
			if err == nil && (o.as(t, secret).Role != role || got.Hash != nil) {
				t.Errorf("%s got a key of another role than %s, or its hash", by, role)
			}
		}
	}
}

func TestAuditAdministratorRotatesItsOwnKey(t *testing.T) {
	o := newOffice(t)
	audit := o.as(t, o.secrets[AuditAdmin])
	_, second := o.issued(t, AuditAdmin, Key{Name: "audit_admin", Role: AuditAdmin})
	_, _, err := o.Issue(t.Context(), audit, Key{Name: "audit_admin", Role: AuditAdmin})
	wantFault(t, err, fault.CodeConflict, "name")
	if err := o.Revoke(t.Context(), o.as(t, second), audit.KeyID); err != nil {
		t.Fatal(err)
	}
	_, err = o.Authenticate(t.Context(), o.secrets[AuditAdmin], local, "")
	wantFault(t, err, fault.CodeUnauthenticated, "")
	if keys, err := o.List(t.Context(), o.as(t, second)); err != nil || len(keys) != 2 {
		t.Errorf("the audit administrator sees %v, %v", keys, err)
	}
}

func TestIssueChecksWhatIsAskedFor(t *testing.T) {
	o := newOffice(t)
	admin := o.as(t, o.secrets[SystemAdmin])
	narrow := admin
	narrow.Scopes = []Scope{WriteKeys, ReadCalls}
	for name, c := range map[string]struct {
		actor Actor
		key   Key
		code  fault.Code
		field string
	}{
		"unknown role":          {admin, Key{Name: "a", Role: "root"}, fault.CodeInvalid, "role"},
		"no name":               {admin, Key{Name: " ", Role: System}, fault.CodeInvalid, "name"},
		"long name":             {admin, Key{Name: strings.Repeat("a", 65), Role: System}, fault.CodeInvalid, "name"},
		"line break in name":    {admin, Key{Name: "a\r\nb", Role: System}, fault.CodeBadCharacter, "name"},
		"user without id":       {admin, Key{Name: "a", Role: User}, fault.CodeInvalid, "user_id"},
		"user with a bad id":    {admin, Key{Name: "a", Role: User, UserID: "a b"}, fault.CodeInvalid, "user_id"},
		"system with a user":    {admin, Key{Name: "a", Role: System, UserID: "u1"}, fault.CodeInvalid, "user_id"},
		"origin":                {admin, Key{Name: "a", Role: System, Origin: "https://his.example"}, fault.CodeInvalid, "origin"},
		"expired":               {admin, Key{Name: "a", Role: System, ExpiresAt: o.clock}, fault.CodeInvalid, "expires_at"},
		"scope of another role": {admin, Key{Name: "a", Role: System, Scopes: []Scope{ReadCalls, ReadAudit}}, fault.CodeInvalid, "scopes[1]"},
		"unknown scope":         {admin, Key{Name: "a", Role: System, Scopes: []Scope{"everything"}}, fault.CodeInvalid, "scopes[0]"},
		"more than the actor":   {narrow, Key{Name: "a", Role: System, Scopes: []Scope{PlaceCalls}}, fault.CodeScopeMissing, "scopes[0]"},
		"no network":            {admin, Key{Name: "a", Role: System, Networks: make([]netip.Prefix, 1)}, fault.CodeInvalid, "networks[0]"},
		"mapped network":        {admin, Key{Name: "a", Role: System, Networks: []netip.Prefix{netip.MustParsePrefix("::ffff:10.0.0.0/104")}}, fault.CodeInvalid, "networks[0]"},
		"too many networks":     {admin, Key{Name: "a", Role: System, Networks: make([]netip.Prefix, 33)}, fault.CodeInvalid, "networks"},
	} {
		t.Run(name, func(t *testing.T) {
			_, secret, err := o.Issue(t.Context(), c.actor, c.key)
			wantFault(t, err, c.code, c.field)
			if secret != "" {
				t.Error("a secret came with the error")
			}
		})
	}
	if len(o.store.keys) != 3 {
		t.Errorf("%d keys are stored", len(o.store.keys))
	}
}

func TestIssueCompletes(t *testing.T) {
	o := newOffice(t)
	narrow := o.as(t, o.secrets[SystemAdmin])
	narrow.Scopes = []Scope{WriteKeys, ReadCalls, WriteUsers}
	k, _, err := o.Issue(t.Context(), narrow, Key{ID: "mine", Tenant: "other", Name: " HIS ", Role: System, Token: true, Hash: []byte("x"), RevokedAt: o.clock,
		Networks: []netip.Prefix{netip.MustParsePrefix("10.1.2.3/8")}})
	if err != nil {
		t.Fatal(err)
	}
	if k.ID == "mine" || k.Tenant != MainTenant || k.Name != "HIS" || k.Token || !k.RevokedAt.IsZero() || !k.ExpiresAt.IsZero() || !k.CreatedAt.Equal(o.clock) {
		t.Errorf("got %+v", k)
	}
	if !slices.Equal(k.Scopes, []Scope{ReadCalls, WriteUsers}) || k.Networks[0].String() != "10.0.0.0/8" {
		t.Errorf("got %v, %v", k.Scopes, k.Networks)
	}
	k, _ = o.issued(t, SystemAdmin, Key{Name: "harry", Role: User, UserID: "u1", Scopes: []Scope{PlaceCalls, PlaceCalls}})
	if !k.ExpiresAt.Equal(o.clock.Add(90*24*time.Hour)) || !slices.Equal(k.Scopes, []Scope{PlaceCalls}) {
		t.Errorf("got %+v", k)
	}
}

func TestTwoLiveKeysOfAName(t *testing.T) {
	o := newOffice(t)
	admin := o.as(t, o.secrets[SystemAdmin])
	his := Key{Name: "HIS", Role: System}
	var wg sync.WaitGroup
	errs := make(chan error, 8)
	for range 8 {
		wg.Go(func() {
			_, _, err := o.Issue(t.Context(), admin, his)
			errs <- err
		})
	}
	wg.Wait()
	close(errs)
	issued := 0
	for err := range errs {
		if err == nil {
			issued++
			continue
		}
		wantFault(t, err, fault.CodeConflict, "name")
	}
	if issued != 2 {
		t.Fatalf("%d were issued at once", issued)
	}
	keys, err := o.List(t.Context(), admin)
	if err != nil || len(keys) != 2 {
		t.Fatal(keys, err)
	}
	o.issued(t, SystemAdmin, Key{Name: "HIS", Role: User, UserID: "u1"}) // another role's name is another name
	if err := o.Revoke(t.Context(), admin, keys[0].ID); err != nil {
		t.Fatal(err)
	}
	o.issued(t, SystemAdmin, his)
}

func TestRevoke(t *testing.T) {
	o := newOffice(t)
	system, systemSecret := o.issued(t, SystemAdmin, Key{Name: "HIS", Role: System})
	harry, harrySecret := o.issued(t, SystemAdmin, Key{Name: "harry", Role: User, UserID: "u1"})
	other, _ := o.issued(t, SystemAdmin, Key{Name: "mary", Role: User, UserID: "u2"})
	admin, security, audit := o.as(t, o.secrets[SystemAdmin]), o.as(t, o.secrets[SecurityAdmin]), o.as(t, o.secrets[AuditAdmin])
	token, _, err := o.IssueToken(t.Context(), o.as(t, systemSecret), "u1", "https://his.example")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		by   Actor
		id   string
		code fault.Code
	}{
		{"an unknown one", admin, "nobody", fault.CodeNotFound},
		{"another user's", o.as(t, harrySecret), other.ID, fault.CodeForbidden},
		{"a system's, by a user", o.as(t, harrySecret), system.ID, fault.CodeForbidden},
		{"security's, by system", admin, security.KeyID, fault.CodeForbidden},
		{"audit's, by system", admin, audit.KeyID, fault.CodeForbidden},
		{"a user's, by audit", audit, harry.ID, fault.CodeForbidden},
		{"a user's, by a system", o.as(t, systemSecret), harry.ID, fault.CodeForbidden},
		{"a token, by the system", o.as(t, systemSecret), token.ID, ""},
		{"one's own", o.as(t, harrySecret), harry.ID, ""},
		{"a second time", admin, harry.ID, ""},
		{"a user's, by system", admin, other.ID, ""},
		{"a system's, by security", security, system.ID, ""},
		{"audit's, by security", security, audit.KeyID, ""},
		{"system's, by security", security, admin.KeyID, ""},
		{"the last of security", security, security.KeyID, fault.CodeConflict},
	} {
		wantFault(t, o.Revoke(t.Context(), c.by, c.id), c.code, "")
		k, err := o.store.Key(t.Context(), MainTenant, c.id)
		if revoked := err == nil && !k.RevokedAt.IsZero(); revoked != (c.code == "") {
			t.Errorf("%s: revoked is %v", c.name, revoked)
		}
	}
	for _, secret := range []string{systemSecret, harrySecret, o.secrets[AuditAdmin]} {
		_, err := o.Authenticate(t.Context(), secret, local, "")
		wantFault(t, err, fault.CodeUnauthenticated, "")
	}
	if n := len(o.store.acts); n != 7+6 { // 3 first, 3 issued, 1 token; 6 revoked, the second time not again
		t.Errorf("%d acts are audited: %v", n, o.store.acts)
	}
	if last := o.store.acts[len(o.store.acts)-1]; last != "key.revoke by "+security.KeyID {
		t.Errorf("audited: %s", last)
	}
}

func TestRestore(t *testing.T) {
	o := newOffice(t)
	_, err := o.Restore(t.Context(), MainTenant, AuditAdmin)
	wantFault(t, err, fault.CodeConflict, "role")
	_, err = o.Restore(t.Context(), MainTenant, System)
	wantFault(t, err, fault.CodeInvalid, "role")
	if err := o.Revoke(t.Context(), o.as(t, o.secrets[SecurityAdmin]), o.as(t, o.secrets[AuditAdmin]).KeyID); err != nil {
		t.Fatal(err)
	}
	secret, err := o.Restore(t.Context(), MainTenant, AuditAdmin)
	if err != nil || o.as(t, secret).Role != AuditAdmin {
		t.Error(err)
	}
}

func TestList(t *testing.T) {
	o := newOffice(t)
	_, systemSecret := o.issued(t, SystemAdmin, Key{Name: "HIS", Role: System})
	_, harrySecret := o.issued(t, SystemAdmin, Key{Name: "harry", Role: User, UserID: "u1"})
	if _, _, err := o.IssueToken(t.Context(), o.as(t, systemSecret), "u1", "https://his.example"); err != nil {
		t.Fatal(err)
	}
	for role, want := range map[Role]int{SystemAdmin: 3, SecurityAdmin: 6, AuditAdmin: 1} {
		keys, err := o.List(t.Context(), o.as(t, o.secrets[role]))
		if err != nil || len(keys) != want || slices.ContainsFunc(keys, func(k Key) bool { return k.Hash != nil }) {
			t.Errorf("%s sees %d, %v", role, len(keys), err)
		}
	}
	for _, secret := range []string{systemSecret, harrySecret} {
		_, err := o.List(t.Context(), o.as(t, secret))
		wantFault(t, err, fault.CodeScopeMissing, "")
	}
	o.clock = o.clock.Add(time.Hour)
	if keys, _ := o.List(t.Context(), o.as(t, o.secrets[SecurityAdmin])); len(keys) != 5 {
		t.Errorf("an ended token is listed among %d", len(keys))
	}
}

func TestToken(t *testing.T) {
	o := newOffice(t)
	_, systemSecret := o.issued(t, SystemAdmin, Key{Name: "HIS", Role: System, Scopes: []Scope{PlaceCalls, CreateTokens, WriteUsers}})
	k, secret, err := o.IssueToken(t.Context(), o.as(t, systemSecret), "u1", "https://HIS.example:443")
	if err != nil || !slices.Equal(k.Scopes, []Scope{PlaceCalls}) || k.Origin != "https://his.example" || !k.Token {
		t.Fatalf("%+v, %v", k, err)
	}
	a, err := o.Authenticate(t.Context(), secret, local, "https://his.example")
	if err != nil || a.UserID != "u1" || a.Role != User || a.MayActFor("u2") == nil || a.MayActFor("u1") != nil {
		t.Errorf("%+v, %v", a, err)
	}
	for _, origin := range []string{"", "null", "https://evil.example", "http://his.example", "https://his.example:8443", "https://his.example.evil.example"} {
		_, err := o.Authenticate(t.Context(), secret, local, origin)
		wantFault(t, err, fault.CodeOriginDenied, "")
	}
	o.clock = o.clock.Add(15 * time.Minute)
	_, err = o.Authenticate(t.Context(), secret, local, "https://his.example")
	wantFault(t, err, fault.CodeKeyExpired, "")
}

func TestTokenRefused(t *testing.T) {
	o := newOffice(t)
	_, systemSecret := o.issued(t, SystemAdmin, Key{Name: "HIS", Role: System})
	_, harrySecret := o.issued(t, SystemAdmin, Key{Name: "harry", Role: User, UserID: "u1"})
	system := o.as(t, systemSecret)
	_, _, err := o.IssueToken(t.Context(), o.as(t, harrySecret), "u1", "https://his.example")
	wantFault(t, err, fault.CodeScopeMissing, "")
	bound := system
	bound.UserID = "u1"
	_, _, err = o.IssueToken(t.Context(), bound, "u2", "https://his.example")
	wantFault(t, err, fault.CodeForbidden, "")
	_, _, err = o.IssueToken(t.Context(), system, "", "https://his.example")
	wantFault(t, err, fault.CodeInvalid, "user_id")
	for _, origin := range []string{"", "null", "his.example", "https://", "https://his.example/", "https://his.example/x", "https://a@his.example", "https://his.example?x", "file:///x",
		"https://his.example#", "https://his .example", "https://his.example\r\nx", "https://*"} {
		_, _, err = o.IssueToken(t.Context(), system, "u1", origin)
		wantFault(t, err, fault.CodeInvalid, "origin")
	}
}

func TestAuthenticate(t *testing.T) {
	o := newOffice(t)
	_, secret := o.issued(t, SystemAdmin, Key{Name: "HIS", Role: System, ExpiresAt: o.clock.Add(time.Hour),
		Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}})
	for addr, want := range map[string]fault.Code{
		"10.1.2.3": "", "::ffff:10.1.2.3": "", "fd00::1": "", "fd00::1%eth0": "",
		"11.1.2.3": fault.CodeNetworkDenied, "fe80::1": fault.CodeNetworkDenied, "::ffff:11.1.2.3": fault.CodeNetworkDenied,
	} {
		a, err := o.Authenticate(t.Context(), secret, netip.MustParseAddr(addr), "")
		if fault.CodeOf(err) != want || err == nil && a.Address.String() != addr {
			t.Errorf("from %s: %v", addr, err)
		}
	}
	_, err := o.Authenticate(t.Context(), secret, netip.Addr{}, "")
	wantFault(t, err, fault.CodeNetworkDenied, "")
	for _, wrong := range []string{"", "c2d_", secret[:46], secret + "x", "x" + secret[1:], secretPrefix + strings.Repeat("A", 43)} {
		_, err := o.Authenticate(t.Context(), wrong, local, "")
		wantFault(t, err, fault.CodeUnauthenticated, "")
	}
	o.clock = o.clock.Add(time.Hour)
	_, err = o.Authenticate(t.Context(), secret, netip.MustParseAddr("10.1.2.3"), "")
	wantFault(t, err, fault.CodeKeyExpired, "")
}

// Recording is asked for by name; an administrator has it to hand on.
func TestWhoMayRecord(t *testing.T) {
	o := newOffice(t)
	for _, role := range []Role{System, User} {
		k := Key{Name: "k", Role: role}
		if role == User {
			k.UserID = "u1"
		}
		plain, _ := o.issued(t, SystemAdmin, k)
		k.Name, k.Scopes = "named", []Scope{ControlCalls, RecordCalls}
		named, _ := o.issued(t, SystemAdmin, k)
		if slices.Contains(plain.Scopes, RecordCalls) || !slices.Contains(plain.Scopes, ControlCalls) || !slices.Contains(named.Scopes, RecordCalls) {
			t.Errorf("%s: by default %v, by name %v", role, plain.Scopes, named.Scopes)
		}
	}
}

func TestScopesShrinkWithTheRole(t *testing.T) {
	o := newOffice(t)
	k, secret := o.issued(t, SystemAdmin, Key{Name: "HIS", Role: System})
	k, err := o.store.Key(t.Context(), MainTenant, k.ID)
	if err != nil {
		t.Fatal(err)
	}
	k.Scopes = append(k.Scopes, ReadAudit) // as a former release, or a hand in the database, may have left it
	if err := o.store.PutKey(t.Context(), k, Internal(MainTenant), "test"); err != nil {
		t.Fatal(err)
	}
	wantFault(t, o.as(t, secret).May(ReadAudit), fault.CodeScopeMissing, "")
}

func TestUseIsNotedOnceAMinute(t *testing.T) {
	o := newOffice(t)
	for range 5 {
		o.as(t, o.secrets[SystemAdmin])
		o.clock = o.clock.Add(19 * time.Second)
	}
	if o.store.used != 2 {
		t.Errorf("noted %d times in 76 s", o.store.used)
	}
}

func TestStoreDown(t *testing.T) {
	o := newOffice(t)
	admin := o.as(t, o.secrets[SystemAdmin])
	o.store.down = true
	_, secret, err := o.Issue(t.Context(), admin, Key{Name: "HIS", Role: System})
	wantFault(t, err, fault.CodeStoreUnavailable, "")
	if secret != "" {
		t.Error("a secret was given out for a key that is not stored")
	}
	_, _, err = o.IssueToken(t.Context(), admin, "u1", "https://his.example")
	wantFault(t, err, fault.CodeStoreUnavailable, "")
	wantFault(t, o.Revoke(t.Context(), admin, admin.KeyID), fault.CodeStoreUnavailable, "")
	_, err = o.List(t.Context(), admin)
	wantFault(t, err, fault.CodeStoreUnavailable, "")
	_, err = o.Bootstrap(t.Context(), "other")
	wantFault(t, err, fault.CodeStoreUnavailable, "")
}
