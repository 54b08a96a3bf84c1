package access

import (
	"context"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"c2d/core/fault"
	"c2d/core/identity"
)

func (r Role) administers() bool { return r == SystemAdmin || r == SecurityAdmin || r == AuditAdmin }

// mayIssue says who may create a key of which role; the table stands in the package's comment.
func (s *Service) mayIssue(ctx context.Context, a Actor, k Key) error {
	switch k.Role {
	case System, User:
		return a.May(WriteKeys)
	case SystemAdmin, SecurityAdmin:
		return a.May(WriteAdmins)
	case AuditAdmin:
		own, err := s.ownName(ctx, a)
		if err == nil && (own == "" || own != k.Name) {
			err = fault.New(fault.CodeForbidden, "an audit administrator's key is issued with that key, under its own name")
		}
		return err
	}
	return fault.Field(fault.CodeInvalid, "role", "is unknown")
}

func (s *Service) mayRevoke(ctx context.Context, a Actor, k Key) error {
	own, err := s.ownName(ctx, a)
	if err != nil {
		return err
	}
	if manages(a, own, k) || a.KeyID == k.ID || k.Token && a.May(CreateTokens) == nil {
		return nil
	}
	return fault.New(fault.CodeForbidden, "this key may not revoke that one")
}

// ownName returns the name of an audit administrator's own key; "" for everybody else.
func (s *Service) ownName(ctx context.Context, a Actor) (string, error) {
	if a.Role != AuditAdmin {
		return "", nil
	}
	k, err := s.store.Key(ctx, a.Tenant, a.KeyID)
	return k.Name, err
}

// manages reports whether the actor may see and revoke a key; own is what ownName returned for it.
func manages(a Actor, own string, k Key) bool {
	switch {
	case a.May(WriteAdmins) == nil:
		return true
	case k.Role == System || k.Role == User:
		return a.May(WriteKeys) == nil
	}
	return k.Role == AuditAdmin && own != "" && own == k.Name
}

func (k Key) live(now time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt))
}

func countLive(keys []Key, now time.Time, is func(Key) bool) int {
	n := 0
	for _, k := range keys {
		if k.live(now) && is(k) {
			n++
		}
	}
	return n
}

// both returns the scopes that are in both sets.
func both(a, b []Scope) []Scope {
	return slices.DeleteFunc(slices.Clone(a), func(s Scope) bool { return !slices.Contains(b, s) })
}

func without(all []Scope, s Scope) []Scope {
	return slices.DeleteFunc(all, func(o Scope) bool { return o == s })
}

var idForm = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)

// draft returns the key that is asked for, checked and completed. It takes nothing of k but what an actor may choose.
func draft(a Actor, k Key, now time.Time) (Key, error) {
	d := Key{Tenant: a.Tenant, Name: strings.TrimSpace(k.Name), Role: k.Role, UserID: k.UserID, ExpiresAt: k.ExpiresAt.UTC().Truncate(time.Millisecond)}
	if err := identity.CheckText("name", d.Name, 1, 64); err != nil {
		return d, err
	}
	if err := draftUser(&d); err != nil {
		return d, err
	}
	if k.Origin != "" {
		return d, fault.Field(fault.CodeInvalid, "origin", "is for tokens only")
	}
	if err := draftExpiry(&d, now); err != nil {
		return d, err
	}
	var err error
	if d.Scopes, err = draftScopes(a, k); err != nil {
		return d, err
	}
	d.Networks, err = draftNetworks(k.Networks)
	return d, err
}

// draftUser binds a user's key to its user, and no other: a key without a user may act for everybody.
func draftUser(d *Key) error {
	switch {
	case d.Role != User && d.UserID != "":
		return fault.Field(fault.CodeInvalid, "user_id", "is for keys of users only")
	case d.Role == User && !idForm.MatchString(d.UserID):
		return fault.Field(fault.CodeInvalid, "user_id", "must be the id of the key's user")
	}
	return nil
}

func draftExpiry(d *Key, now time.Time) error {
	switch {
	case d.ExpiresAt.IsZero() && d.Role == User:
		d.ExpiresAt = now.UTC().Truncate(time.Millisecond).Add(userKeyLife)
	case !d.ExpiresAt.IsZero() && !now.Before(d.ExpiresAt):
		return fault.Field(fault.CodeInvalid, "expires_at", "must lie in the future")
	}
	return nil
}

// draftScopes keeps scopes within the role's. Those of systems and users lie within the actor's too, so that a key
// with few scopes cannot make one with more; an administrator of administrators has none of theirs to compare.
func draftScopes(a Actor, k Key) ([]Scope, error) {
	may := k.Role.Scopes()
	if !k.Role.administers() {
		may = both(may, a.Scopes)
	}
	if len(k.Scopes) == 0 {
		if !k.Role.administers() {
			may = without(may, RecordCalls)
		}
		return may, nil
	}
	var scopes []Scope
	for i, s := range k.Scopes {
		field := "scopes[" + strconv.Itoa(i) + "]"
		switch {
		case !slices.Contains(roleScopes[k.Role], s):
			return nil, fault.Field(fault.CodeInvalid, field, "is no scope of this role")
		case !slices.Contains(may, s):
			return nil, fault.Field(fault.CodeScopeMissing, field, "your own key lacks this scope")
		case !slices.Contains(scopes, s):
			scopes = append(scopes, s)
		}
	}
	return scopes, nil
}

const mostNetworks = 32 // of one key

func draftNetworks(given []netip.Prefix) ([]netip.Prefix, error) {
	if len(given) > mostNetworks {
		return nil, fault.Field(fault.CodeInvalid, "networks", "must have %d items at most", mostNetworks)
	}
	var all []netip.Prefix
	for i, p := range given {
		if !p.IsValid() || p.Addr().Is4In6() {
			return nil, fault.Field(fault.CodeInvalid, "networks["+strconv.Itoa(i)+"]", "must be an IPv4 or IPv6 network such as 10.0.0.0/8")
		}
		all = append(all, p.Masked())
	}
	return all, nil
}

// parseOrigin returns a web origin as browsers write it in the Origin header (RFC 6454 section 6.1): lower case, and
// without the default port.
func parseOrigin(s string) (string, error) {
	bad := fault.Field(fault.CodeInvalid, "origin", `must be a web origin such as "https://his.example"`)
	u, err := url.Parse(strings.ToLower(s))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || !hostForm.MatchString(u.Host) || u.Scheme+"://"+u.Host != strings.ToLower(s) {
		return "", bad
	}
	defaultPort := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
	return u.Scheme + "://" + strings.TrimSuffix(u.Host, defaultPort), nil
}

var hostForm = regexp.MustCompile(`^([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?$`)
