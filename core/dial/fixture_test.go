package dial

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"c2d/core/access"
	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/directory"
	"c2d/core/fault"
	"c2d/core/identity"
	"c2d/core/user"
)

var none = fault.New(fault.CodeNotFound, "none")

type (
	userStore  = user.Store
	bookStore  = directory.Store
	callStore  = call.Store
	auditStore = audit.Store
)

// world is a small hospital: its people, phones and book, with the one carrier that notes what it is given.
type world struct {
	userStore
	bookStore
	callStore
	auditStore
	mu       sync.Mutex
	users    []user.User
	devices  []user.Device
	contacts []directory.Contact
	audits   []audit.Entry
	keys     map[string]call.Idempotency
	calls    map[string]call.Call
	stored   map[string]call.Call
	orders   []string // to the carrier, beyond placing and hanging up
	ordered  []call.RecordOrdered
	refuses  error
	trunk    *phoneSystem
	house    *phoneSystem
}

// phoneSystem reaches every address but those that are offline.
type phoneSystem struct {
	call.Backend
	offline map[string]bool
	several map[string]int // phones registered under one address
	apart   bool           // and it says that they are
	confirm bool
	parts   bool
	down    error
}

func (p *phoneSystem) Capabilities() call.Capabilities {
	return call.Capabilities{Confirm: p.confirm, Part: p.parts, Hold: p.parts, SendDTMF: p.parts, Record: p.parts}
}
func (p *phoneSystem) Locate(_ context.Context, w call.Way) ([]call.Way, error) {
	if p.down != nil || p.offline[w.Address] {
		return nil, p.down
	}
	ways := []call.Way{}
	w.Phone = p.apart && p.several[w.Address] > 1
	for range max(1, p.several[w.Address]) {
		ways = append(ways, w)
	}
	return ways, nil
}

func (p *phoneSystem) Health(context.Context) error { return p.down }

func find[T any](all []T, is func(T) bool) (T, error) {
	if i := slices.IndexFunc(all, is); i >= 0 {
		return all[i], nil
	}
	var zero T
	return zero, none
}

func filter[T any](all []T, is func(T) bool) (out []T, err error) {
	for _, v := range all {
		if is(v) {
			out = append(out, v)
		}
	}
	return out, nil
}

func (w *world) User(_ context.Context, tenant, id string) (user.User, error) {
	return find(w.users, func(u user.User) bool { return u.ID == id && u.Tenant == tenant })
}
func (w *world) UserByLogin(_ context.Context, _, login string) (user.User, error) {
	return find(w.users, func(u user.User) bool { return u.Login == login })
}
func (w *world) UsersByIdentifier(_ context.Context, _ string, id identity.Identifier) ([]user.User, error) {
	return filter(w.users, func(u user.User) bool { return slices.Contains(u.Identifiers, id) })
}
func (w *world) UsersByDevice(_ context.Context, _, id string) ([]user.User, error) {
	return filter(w.users, func(u user.User) bool { return slices.Contains(u.DeviceIDs, id) })
}
func (w *world) Device(_ context.Context, _, id string) (user.Device, error) {
	return find(w.devices, func(d user.Device) bool { return d.ID == id })
}
func (w *world) DeviceByAddress(_ context.Context, _, a string) (user.Device, error) {
	return find(w.devices, func(d user.Device) bool { return d.Address == a || d.Number == a })
}
func (w *world) Contact(_ context.Context, _, id string) (directory.Contact, error) {
	return find(w.contacts, func(c directory.Contact) bool { return c.ID == id })
}
func (w *world) ContactsByNumber(_ context.Context, _, n string) ([]directory.Contact, error) {
	return filter(w.contacts, func(c directory.Contact) bool {
		return slices.ContainsFunc(c.Numbers, func(p directory.Phone) bool { return p.Number.Dial() == n })
	})
}
func (w *world) ContactsByName(_ context.Context, _, key string, _ int) ([]directory.Contact, error) {
	return filter(w.contacts, func(c directory.Contact) bool { return strings.ToLower(string(c.Name)) == key })
}
func (w *world) ContactsByURI(_ context.Context, _, uri string) ([]directory.Contact, error) {
	return filter(w.contacts, func(c directory.Contact) bool { return slices.Contains(c.URIs, uri) })
}
func (w *world) ContactsByIdentifier(_ context.Context, _ string, id identity.Identifier) ([]directory.Contact, error) {
	return filter(w.contacts, func(c directory.Contact) bool { return slices.Contains(c.Identifiers, id) })
}
func (w *world) Record(_ context.Context, t audit.Trail) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.audits = append(w.audits, t.Audit...)
	return nil
}
func (w *world) Replayed(_ context.Context, _, _, key string) (call.Idempotency, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if row, ok := w.keys[key]; ok {
		return row, nil
	}
	return call.Idempotency{}, none
}

func (w *world) Get(_ context.Context, _, id string) (call.Call, error) {
	if c, ok := w.stored[id]; ok {
		return c, nil
	}
	return call.Call{}, none
}

// carrier keeps placed calls and refuses a used key, as the store does.
type carrier struct{ w *world }

func (k carrier) Place(_ context.Context, c call.Call, idem *call.Idempotency, t audit.Trail) (call.Call, error) {
	k.w.mu.Lock()
	defer k.w.mu.Unlock()
	if idem != nil {
		if row, used := k.w.keys[idem.Key]; used {
			return c, &call.Replay{Row: row}
		}
		k.w.keys[idem.Key] = *idem
	}
	k.w.calls[c.ID] = c
	k.w.audits = append(k.w.audits, t.Audit...)
	return c, nil
}
func (k carrier) HangUp(_ context.Context, id string, in call.HangUpOrdered) (call.Call, error) {
	c, ok := k.Get(id)
	if !ok {
		return c, none
	}
	c.State, c.End = call.Ended, &call.End{By: in.By}
	k.w.audits = append(k.w.audits, in.Audit...)
	return c, nil
}
func (k carrier) Follow(_ context.Context, id string, tell func(call.Call) bool) bool {
	c, ok := k.Get(id)
	return ok && (tell(c) || true)
}
func (k carrier) Of(leg string) (call.Call, bool) {
	k.w.mu.Lock()
	defer k.w.mu.Unlock()
	for _, c := range k.w.calls {
		if l, _, _ := c.Find(leg); l != nil {
			return c, true
		}
	}
	return call.Call{}, false
}
func (k carrier) Transfer(ctx context.Context, c call.Call, from []string, t audit.Trail) (call.Call, error) {
	if err := k.order("transfer " + strings.Join(from, " ")); err != nil {
		return c, err
	}
	return k.Place(ctx, c, nil, t)
}
func (k carrier) Hold(_ context.Context, id string, by call.Side, on bool) error {
	return k.order("hold " + string(by) + " " + strconv.FormatBool(on))
}
func (k carrier) SendDTMF(_ context.Context, id string, to call.Side, keys string) error {
	return k.order("dtmf " + string(to) + " " + keys)
}
func (k carrier) Record(_ context.Context, id string, in call.RecordOrdered) (call.Call, bool, error) {
	if err := k.order("record " + strconv.FormatBool(in.On)); err != nil {
		return call.Call{}, false, err
	}
	k.w.ordered = append(k.w.ordered, in)
	return call.Call{}, len(k.w.ordered) == 1, nil
}
func (k carrier) order(o string) error {
	k.w.orders = append(k.w.orders, o)
	return k.w.refuses
}
func (k carrier) Get(id string) (call.Call, bool) {
	k.w.mu.Lock()
	defer k.w.mu.Unlock()
	c, ok := k.w.calls[id]
	return c, ok
}

// plan reads +digits as E.164, three to five digits as an extension, 120 as an emergency.
type plan struct{}

func (plan) Parse(typed string) (identity.Number, error) {
	s, ok := identity.StripNumber(typed)
	switch {
	case !ok:
		return identity.Number{}, fault.New(fault.CodeInvalidNumber, "no number")
	case s == "120" || s == "+120":
		return identity.Number{Typed: typed, Kind: identity.Short, Digits: s, Emergency: true}, nil
	case s[0] == '+':
		return identity.Number{Typed: typed, Kind: identity.E164, E164: s, Digits: s}, nil
	}
	return identity.Number{Typed: typed, Kind: identity.Extension, Digits: s}, nil
}

type lower struct{}

func (lower) Fold(s string) string { return strings.ToLower(s) }

// change lets a service follow another plan.
func change(s *Service, to func(*Plan)) {
	p := s.course().Plan
	p.Entries = slices.Clone(p.Entries)
	to(&p)
	s.Change(p)
}

func contact(id, name string, numbers ...string) directory.Contact {
	c := directory.Contact{ID: id, Tenant: "main", Name: directory.Name(name)}
	for _, n := range numbers {
		parsed, _ := plan{}.Parse(n)
		c.Numbers = append(c.Numbers, directory.Phone{Number: parsed})
	}
	return c
}

func hospital(t *testing.T) (*Service, *world, access.Actor) {
	t.Helper()
	w := &world{keys: map[string]call.Idempotency{}, calls: map[string]call.Call{},
		house: &phoneSystem{offline: map[string]bool{}, several: map[string]int{}, confirm: true}, trunk: &phoneSystem{}}
	w.users = []user.User{
		{ID: "u-harry", Tenant: "main", Login: "harry", Name: "Harry", DeviceIDs: []string{"d-harry", "d-mobile"}, Identifiers: []identity.Identifier{{System: "staff", Value: "7"}}},
		{ID: "u-ron", Tenant: "main", Login: "ron", DeviceIDs: []string{"d-ward"}},
		{ID: "u-ann", Tenant: "main", Login: "ann", DeviceIDs: []string{"d-ward"}},
		{ID: "u-bare", Tenant: "main", Login: "bare"},
		{ID: "u-gone", Tenant: "main", Login: "gone", DeviceIDs: []string{"d-mary"}, Disabled: true},
		{ID: "u-hoax", Tenant: "main", Login: "hoax", DeviceIDs: []string{"d-hoax"}},
		{ID: "u-pbx", Tenant: "main", Login: "pbx", DeviceIDs: []string{"d-pbx"}},
	}
	w.devices = []user.Device{
		{ID: "d-harry", Kind: user.Desk, Backend: "house", Address: "sip:harry@h", Number: "+16328300100"},
		{ID: "d-mobile", Kind: user.Mobile, Backend: "house", Address: "sip:harry-mobile@h", Number: "+16328300109"},
		{ID: "d-mary", Kind: user.Desk, Backend: "house", Address: "sip:mary@h", Number: "+16328300101"},
		{ID: "d-ward", Kind: user.Desk, Backend: "house", Address: "sip:ward@h", Number: "300"},
		{ID: "d-hoax", Kind: user.Desk, Backend: "house", Address: "120"},
		{ID: "d-pbx", Kind: user.Desk, Backend: "pbx", Address: "400"},
	}
	w.contacts = []directory.Contact{
		contact("c-mary", "Mary", "+16328300101"), contact("c-bob1", "Bob", "+16328300111"), contact("c-bob2", "Bob", "+16328300112"),
		contact("c-none", "Nobody"), contact("c-fire", "Fire", "120"), contact("c-out", "Outside", "+4930123456"),
	}
	w.contacts[0].Identifiers = []identity.Identifier{{System: "mrn", Value: "42"}}
	rescue, medic := contact("c-rescue", "Rescue"), contact("c-medic", "Medic")
	rescue.URIs, medic.URIs = []string{"tel:1-20"}, []string{"sip:120@h"}
	w.contacts = append(w.contacts, rescue, medic)
	blocked := contact("c-blocked", "Blocked", "+16328300199")
	blocked.Blocked = true
	w.contacts = append(w.contacts, blocked)
	s := New(Config{Calls: w, Users: w, Book: directory.NewService(w, plan{}, lower{}), Contacts: w, Audit: w, Numbers: plan{},
		Plan: Plan{Entries: []Entry{{Name: "house", Backend: w.house, Registered: true}, {Name: "pbx", Backend: w.trunk}}},
		Now:  func() time.Time { return time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC) }})
	s.Use(carrier{w})
	return s, w, access.Actor{Tenant: "main", KeyID: "k", Role: access.System, Scopes: access.System.Scopes()}
}
