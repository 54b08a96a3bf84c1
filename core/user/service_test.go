package user_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"c2d/core/access"
	"c2d/core/event"
	"c2d/core/fault"
	"c2d/core/identity"
	"c2d/core/user"
)

func admin() access.Actor {
	return access.Actor{Tenant: access.MainTenant, KeyID: "k1", Role: access.SystemAdmin, Scopes: access.SystemAdmin.Scopes()}
}

func newService() (*user.Service, *memory) {
	m := newMemory()
	return user.NewService(m, "hospital.example", []string{"house"}, numbering{}), m
}

func harry() user.User { return user.User{Login: "Harry", Name: " Harry  "} }

func phone(address string) user.Device {
	return user.Device{Name: "desk", Kind: user.Desk, Backend: "house", Address: address}
}

func mustCreate(t *testing.T, s *user.Service) user.User {
	t.Helper()
	u, err := s.Create(t.Context(), admin(), harry())
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// fails checks the code and field of a fault.
func fails(t *testing.T, err error, code fault.Code, field string) {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != code || f.Field != field {
		t.Errorf("got %v, want %s of the field %q", err, code, field)
	}
}

func TestCreateNormalisesAndTells(t *testing.T) {
	s, m := newService()
	u := mustCreate(t, s)
	if u.Login != "harry" || u.Name != "Harry" || u.Version != 1 || u.ID == "" || u.CreatedAt.IsZero() || u.DeviceIDs == nil {
		t.Errorf("stored %+v", u)
	}
	if got := m.trails[0]; got.Audit[0].Action != "user.create" || got.Audit[0].Target != u.ID || got.Audit[0].KeyID != "k1" ||
		got.Events[0].Kind != event.UserChanged || got.Events[0].Version != 1 || got.Events[0].UserID != u.ID {
		t.Errorf("trail %+v", got)
	}
	_, err := s.Create(t.Context(), admin(), user.User{Login: "HARRY", Name: "other"})
	fails(t, err, fault.CodeExists, "login")
}

func TestBadUsers(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*user.User)
		code   fault.Code
		field  string
	}{
		"no login":         {func(u *user.User) { u.Login = "" }, fault.CodeInvalid, "login"},
		"spaced login":     {func(u *user.User) { u.Login = "a b" }, fault.CodeBadCharacter, "login"},
		"long login":       {func(u *user.User) { u.Login = strings.Repeat("a", 65) }, fault.CodeInvalid, "login"},
		"blank name":       {func(u *user.User) { u.Name = "  " }, fault.CodeInvalid, "name"},
		"name with CRLF":   {func(u *user.User) { u.Name = "a\r\nVia: b" }, fault.CodeBadCharacter, "name"},
		"site with a NUL":  {func(u *user.User) { u.Site = "a\x00" }, fault.CodeBadCharacter, "site"},
		"odd contact":      {func(u *user.User) { u.ContactID = "../x" }, fault.CodeInvalid, "contact_id"},
		"unknown device":   {func(u *user.User) { u.DeviceIDs = []string{"x"} }, fault.CodeInvalid, "device_ids[0]"},
		"empty identifier": {func(u *user.User) { u.Identifiers = make([]identity.Identifier, 1) }, fault.CodeInvalid, "identifiers[0].system"},
		"too many devices": {func(u *user.User) { u.DeviceIDs = make([]string, 17) }, fault.CodeInvalid, "device_ids"},
	} {
		t.Run(name, func(t *testing.T) {
			s, m := newService()
			u := harry()
			c.change(&u)
			_, err := s.Create(t.Context(), admin(), u)
			fails(t, err, c.code, c.field)
			if len(m.users) != 0 {
				t.Error("it was stored")
			}
		})
	}
}

func TestBadDevices(t *testing.T) {
	for name, c := range map[string]struct {
		change   func(*user.Device)
		password string
		code     fault.Code
		field    string
	}{
		"no name":             {change: func(d *user.Device) { d.Name = "" }, code: fault.CodeInvalid, field: "name"},
		"odd kind":            {change: func(d *user.Device) { d.Kind = "fax" }, code: fault.CodeInvalid, field: "kind"},
		"other backend":       {change: func(d *user.Device) { d.Backend = "x" }, code: fault.CodeInvalid, field: "backend"},
		"spaced address":      {change: func(d *user.Device) { d.Address = "a b" }, code: fault.CodeBadCharacter, field: "address"},
		"odd number":          {change: func(d *user.Device) { d.Number = "abc" }, code: fault.CodeInvalidNumber, field: "number"},
		"rings the ambulance": {change: func(d *user.Device) { d.Address = "120" }, code: fault.CodeEmergencyNumber, field: "address"},
		"by its SIP user":     {change: func(d *user.Device) { d.Address = "sip:120@hospital.example" }, code: fault.CodeEmergencyNumber, field: "address"},
		"emergency":           {change: func(d *user.Device) { d.Number = "1-20" }, code: fault.CodeEmergencyNumber, field: "number"},
		"short password":      {password: "1234567", code: fault.CodeInvalid, field: "password"},
		"odd password":        {password: "1234567\n8", code: fault.CodeBadCharacter, field: "password"},
	} {
		t.Run(name, func(t *testing.T) {
			s, m := newService()
			u, d := mustCreate(t, s), phone("sip:harry@hospital.example")
			if c.change != nil {
				c.change(&d)
			}
			_, err := s.AddDevice(t.Context(), admin(), u.ID, d, c.password)
			fails(t, err, c.code, c.field)
			if len(m.devices) != 0 {
				t.Error("it was stored")
			}
		})
	}
}

func TestDigestOfPasswords(t *testing.T) {
	s, m := newService()
	u := mustCreate(t, s)
	d, err := s.AddDevice(t.Context(), admin(), u.ID, phone("sip:Mufasa@hospital.example"), "Circle of Life")
	if err != nil {
		t.Fatal(err)
	}
	// Worked out with md5sum and sha256sum over "Mufasa:hospital.example:Circle of Life".
	want := user.Credentials{Username: "Mufasa", Realm: "hospital.example",
		HA1MD5:    "11df062d5bccc6da28ab5ce64c7efda8",
		HA1SHA256: "4d894c81c77be6c9e8e505be7a709ebf0f5cdae69c8fa5c2fb2be534151d52d8"}
	if *d.Credentials != want {
		t.Errorf("credentials %+v, want %+v", *d.Credentials, want)
	}
	d.Name = "new"
	if d, err = s.UpdateDevice(t.Context(), admin(), d, ""); err != nil || *d.Credentials != want || d.Version != 2 {
		t.Errorf("after an update without a password: %+v, %v", d, err)
	}
	d.Address = "sip:scar@hospital.example"
	_, err = s.UpdateDevice(t.Context(), admin(), d, "")
	fails(t, err, fault.CodeInvalid, "password")
	_, err = s.AddDevice(t.Context(), admin(), u.ID, phone("Mufasa"), "another password")
	fails(t, err, fault.CodeExists, "address")
	if len(m.devices) != 1 {
		t.Errorf("%d devices", len(m.devices))
	}
}

func TestSharedDeviceGoesWithItsLastUser(t *testing.T) {
	s, m := newService()
	first := mustCreate(t, s)
	d, err := s.AddDevice(t.Context(), admin(), first.ID, phone("ward"), "")
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.Create(t.Context(), admin(), user.User{Login: "mary", Name: "Mary", DeviceIDs: []string{d.ID}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), admin(), first.ID); err != nil {
		t.Fatal(err)
	}
	fails(t, s.RemoveDevice(t.Context(), admin(), first.ID, d.ID), fault.CodeNotFound, "")
	if got, err := s.Devices(t.Context(), admin(), second.ID); err != nil || len(got) != 1 {
		t.Errorf("the shared device went with its first user: %v, %v", got, err)
	}
	if err := s.Delete(t.Context(), admin(), second.ID); err != nil || len(m.devices) != 0 || len(m.users) != 0 {
		t.Errorf("left: %v %v, %v", m.users, m.devices, err)
	}
	want := []string{"user.create ok", "device.create ok", "user.devices ok", "user.create ok", "user.devices ok", "user.delete ok",
		"device.read ok", "user.devices ok", "device.delete ok", "user.delete ok"}
	if got := m.actions(); !slices.Equal(got, want) {
		t.Errorf("audit %q,\nwant %q", got, want)
	}
}

func TestUpdateKeepsDevicesAndOrdersThem(t *testing.T) {
	s, _ := newService()
	u := mustCreate(t, s)
	for _, address := range []string{"8001", "8002"} {
		if _, err := s.AddDevice(t.Context(), admin(), u.ID, phone(address), ""); err != nil {
			t.Fatal(err)
		}
	}
	u, _ = s.Get(t.Context(), admin(), u.ID)
	both := u.DeviceIDs
	u.DeviceIDs = nil
	u, err := s.Update(t.Context(), admin(), u)
	if err != nil || !slices.Equal(u.DeviceIDs, both) {
		t.Fatalf("without device_ids: %v, %v", u.DeviceIDs, err)
	}
	u.DeviceIDs = both[:1]
	_, err = s.Update(t.Context(), admin(), u)
	fails(t, err, fault.CodeInvalid, "device_ids")
	u.DeviceIDs = []string{both[1], both[0]}
	if u, err = s.Update(t.Context(), admin(), u); err != nil || u.DeviceIDs[0] != both[1] {
		t.Errorf("reordered: %v, %v", u.DeviceIDs, err)
	}
	u.Version = 1
	_, err = s.Update(t.Context(), admin(), u)
	fails(t, err, fault.CodeConflict, "")
}

func TestScopes(t *testing.T) {
	s, m := newService()
	u := mustCreate(t, s)
	own := access.Actor{Tenant: access.MainTenant, Role: access.User, Scopes: access.User.Scopes(), UserID: u.ID}
	if _, err := s.Get(t.Context(), own, u.ID); err != nil {
		t.Errorf("a user may not read itself: %v", err)
	}
	_, err := s.Devices(t.Context(), own, "other")
	fails(t, err, fault.CodeForbidden, "")
	if got := m.actions(); got[len(got)-1] != "device.read forbidden" {
		t.Errorf("a refused read is not in the audit: %q", got)
	}
	if last := m.trails[len(m.trails)-1].Audit[0]; last.Target != "" {
		t.Errorf("what was typed is in the audit: %q", last.Target)
	}
	nobody := access.Actor{Tenant: access.MainTenant}
	for name, act := range map[string]func() error{
		"create": func() error { _, err := s.Create(t.Context(), own, harry()); return err },
		"update": func() error { _, err := s.Update(t.Context(), own, u); return err },
		"delete": func() error { return s.Delete(t.Context(), own, u.ID) },
		"add":    func() error { _, err := s.AddDevice(t.Context(), own, u.ID, phone("1"), ""); return err },
		"device": func() error { _, err := s.UpdateDevice(t.Context(), own, phone("1"), ""); return err },
		"remove": func() error { return s.RemoveDevice(t.Context(), own, u.ID, "x") },
		"list":   func() error { _, _, err := s.List(t.Context(), own, nil, user.Page{Limit: 1}); return err },
		"get":    func() error { _, err := s.Get(t.Context(), nobody, u.ID); return err },
	} {
		t.Run(name, func(t *testing.T) { fails(t, act(), fault.CodeScopeMissing, "") })
	}
	stranger := admin()
	stranger.Tenant = "other"
	_, err = s.Get(t.Context(), stranger, u.ID)
	fails(t, err, fault.CodeNotFound, "")
}

func TestList(t *testing.T) {
	s, _ := newService()
	id := identity.Identifier{System: "staff", Value: "7"}
	for _, u := range []user.User{{Login: "a", Name: "A"}, {Login: "b", Name: "B", Identifiers: []identity.Identifier{id}}} {
		if _, err := s.Create(t.Context(), admin(), u); err != nil {
			t.Fatal(err)
		}
	}
	got, next, err := s.List(t.Context(), admin(), nil, user.Page{Limit: 1})
	if err != nil || len(got) != 1 || next == "" {
		t.Errorf("first page %v %q %v", got, next, err)
	}
	got, _, err = s.List(t.Context(), admin(), &id, user.Page{Limit: 1})
	if err != nil || len(got) != 1 || got[0].Login != "b" {
		t.Errorf("by identifier %v %v", got, err)
	}
	_, _, err = s.List(t.Context(), admin(), nil, user.Page{Limit: 501})
	fails(t, err, fault.CodeInvalid, "limit")
	_, _, err = s.List(t.Context(), admin(), &identity.Identifier{System: "staff"}, user.Page{Limit: 1})
	fails(t, err, fault.CodeInvalid, "identifier.value")
}

func TestAddDeviceThatCannotBeAttachedIsTakenBack(t *testing.T) {
	s, m := newService()
	u := mustCreate(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	m.fail = func(method string) error {
		if method != "PutUser" {
			return nil
		}
		cancel()
		return fault.New(fault.CodeStoreUnavailable, "the store is down")
	}
	_, err := s.AddDevice(ctx, admin(), u.ID, phone("8001"), "")
	fails(t, err, fault.CodeStoreUnavailable, "")
	if len(m.devices) != 0 {
		t.Error("a device that is nobody's is left")
	}
}

func TestParallelAdditionsAllStay(t *testing.T) {
	s, _ := newService()
	u := mustCreate(t, s)
	var wg sync.WaitGroup
	for _, address := range []string{"1", "2", "3", "4"} {
		wg.Go(func() {
			if _, err := s.AddDevice(t.Context(), admin(), u.ID, phone(address), ""); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got, err := s.Devices(t.Context(), admin(), u.ID); err != nil || len(got) != 4 {
		t.Errorf("%d devices, %v", len(got), err)
	}
}

func TestReadsFailWhenTheAuditDoes(t *testing.T) {
	s, m := newService()
	u := mustCreate(t, s)
	m.fail = func(method string) error {
		if method == "Record" {
			return fault.New(fault.CodeStoreUnavailable, "the store is down")
		}
		return nil
	}
	_, err := s.Devices(t.Context(), admin(), u.ID)
	fails(t, err, fault.CodeStoreUnavailable, "")
}
