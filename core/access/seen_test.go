package access

import (
	"net/netip"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"c2d/core/fault"
)

// TestStoreHangs: who was known a moment ago waits no longer than a second for a store that does not answer.
func TestStoreHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		_, secret := o.issued(t, SystemAdmin, Key{Name: "HIS", Role: System})
		before := o.as(t, secret)
		o.clock = o.clock.Add(2 * useNoted)
		o.store.hung = make(chan struct{})
		begun := time.Now()
		if a := o.as(t, secret); a.KeyID != before.KeyID {
			t.Errorf("got %+v, was %+v", a, before)
		}
		if took := time.Since(begun); took != storePatience {
			t.Errorf("it took %s", took)
		}
		close(o.store.hung)
	})
}

// TestStoreAway: a HIS whose key was good a moment ago can end its calls while the store is away; nobody else gets in,
// and nothing of what limits the key is forgotten.
func TestStoreAway(t *testing.T) {
	o := newOffice(t)
	_, used := o.issued(t, SystemAdmin, Key{Name: "used", Role: System, ExpiresAt: o.clock.Add(30 * time.Minute),
		Networks: []netip.Prefix{netip.PrefixFrom(local, local.BitLen())}})
	_, unused := o.issued(t, SystemAdmin, Key{Name: "unused", Role: System})
	revoked, over := o.issued(t, SystemAdmin, Key{Name: "revoked", Role: System})
	changed, gone := o.issued(t, SystemAdmin, Key{Name: "revoked elsewhere", Role: System})
	before := o.as(t, used)
	o.as(t, over)
	o.as(t, gone)
	if err := o.Revoke(t.Context(), o.as(t, o.secrets[SystemAdmin]), revoked.ID); err != nil {
		t.Fatal(err)
	}
	changed, err := o.store.Key(t.Context(), MainTenant, changed.ID)
	if err != nil {
		t.Fatal(err)
	}
	changed.RevokedAt = o.clock
	if err := o.store.PutKey(t.Context(), changed, Internal(MainTenant), "test"); err != nil {
		t.Fatal(err)
	}
	_, err = o.Authenticate(t.Context(), gone, local, "")
	wantFault(t, err, fault.CodeUnauthenticated, "")
	o.store.down = true
	if a := o.as(t, used); a.KeyID != before.KeyID || a.May(ControlCalls) != nil || a.Tenant != before.Tenant {
		t.Errorf("got %+v, was %+v", a, before)
	}
	for name, secret := range map[string]string{"never used": unused, "revoked": over, "seen to be revoked": gone} {
		if _, err := o.Authenticate(t.Context(), secret, local, ""); !fault.Is(err, fault.CodeStoreUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = o.Authenticate(t.Context(), used, netip.MustParseAddr("203.0.113.1"), "")
	wantFault(t, err, fault.CodeNetworkDenied, "")
	o.clock = o.clock.Add(30 * time.Minute)
	_, err = o.Authenticate(t.Context(), used, local, "")
	wantFault(t, err, fault.CodeKeyExpired, "")
	o.clock = o.clock.Add(30 * time.Minute)
	_, err = o.Authenticate(t.Context(), used, local, "")
	wantFault(t, err, fault.CodeStoreUnavailable, "")
}

func TestSeenIsBounded(t *testing.T) {
	s, now := seen{by: map[string]sighting{}}, time.Unix(0, 0)
	for i := range mostSeen + 10 {
		if _, err := s.judge([]byte(strconv.Itoa(i)), Key{}, nil, now.Add(time.Duration(i))); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.by) != mostSeen {
		t.Errorf("%d keys are remembered", len(s.by))
	}
	_, _ = s.judge([]byte("new"), Key{}, nil, now.Add(2*keptSeen))
	if len(s.by) != 1 {
		t.Errorf("%d keys are remembered, all but one too old", len(s.by))
	}
}
