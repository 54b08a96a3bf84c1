package storetest

import (
	"fmt"
	"testing"

	"c2d/core/audit"
	"c2d/core/fault"
	"c2d/core/identity"
	"c2d/core/user"
)

func newDevice(tenant, id, name string) user.Device {
	return user.Device{ID: id, Tenant: tenant, Name: name, Kind: user.Soft, Backend: "house", Address: "sip:" + name + "@h.example",
		Number: "8" + id, Proved: true, Identifiers: []identity.Identifier{{System: "mac", Value: name}}, CreatedAt: noon, UpdatedAt: noon,
		Credentials: &user.Credentials{Username: name, Realm: "h.example", HA1MD5: "5d4140", HA1SHA256: "2cf24d"}}
}

func putDevice(t *testing.T, s Stores, d user.Device) user.Device {
	t.Helper()
	stored, err := s.PutDevice(t.Context(), d, trail(d.Tenant, d.ID))
	ok(t, err)
	d.Version++
	same(t, stored, d)
	return stored
}

func testDevices(t *testing.T, s Stores) {
	ctx := t.Context()
	desk := putDevice(t, s, newDevice(tenantA, "1", "desk"))
	soft := putDevice(t, s, newDevice(tenantA, "2", "soft"))
	t.Run("is found", func(t *testing.T) { wantDevice(t, s, desk) })
	t.Run("is not found", func(t *testing.T) {
		_, err := s.Device(ctx, tenantA, "9")
		wantCode(t, err, fault.CodeNotFound)
		_, err = s.DeviceByAddress(ctx, tenantA, "9")
		wantCode(t, err, fault.CodeNotFound)
		_, err = s.DeviceByCredentials(ctx, tenantA, "sip:desk@h.example")
		wantCode(t, err, fault.CodeNotFound)
		wantCode(t, s.DeleteDevice(ctx, tenantA, "9", audit.Trail{}), fault.CodeNotFound)
	})
	t.Run("an address goes before a number", func(t *testing.T) {
		d := newDevice(tenantA, "0", "pbx")
		d.Address, d.Number = "2001", ""
		pbx := putDevice(t, s, d)
		soft.Number = "2001"
		soft = putDevice(t, s, soft)
		got, err := s.DeviceByAddress(ctx, tenantA, "2001")
		ok(t, err)
		same(t, got, pbx)
	})
	t.Run("refused", func(t *testing.T) { testDevicesRefused(t, s, desk) })
	t.Run("without address, number and credentials", func(t *testing.T) {
		for _, id := range []string{"3", "4"} {
			d := newDevice(tenantA, id, "bare"+id)
			d.Address, d.Number, d.Credentials, d.Identifiers = "", "", nil, nil
			d = putDevice(t, s, d)
			got, err := s.Device(ctx, tenantA, id)
			ok(t, err)
			same(t, got, d)
		}
	})
	t.Run("is deleted", func(t *testing.T) {
		ok(t, s.DeleteDevice(ctx, tenantA, desk.ID, trail(tenantA, desk.ID)))
		_, err := s.DeviceByCredentials(ctx, tenantA, "desk")
		wantCode(t, err, fault.CodeNotFound)
		putDevice(t, s, newDevice(tenantA, "5", "desk"))
	})
	t.Run("list", func(t *testing.T) { testDeviceList(t, s) })
}

func wantDevice(t *testing.T, s Stores, want user.Device) {
	t.Helper()
	ctx := t.Context()
	d, err := s.Device(ctx, want.Tenant, want.ID)
	ok(t, err)
	same(t, d, want)
	for _, address := range []string{want.Address, want.Number} {
		d, err = s.DeviceByAddress(ctx, want.Tenant, address)
		ok(t, err)
		same(t, d, want)
	}
	d, err = s.DeviceByCredentials(ctx, want.Tenant, want.Credentials.Username)
	ok(t, err)
	same(t, d, want)
}

func testDevicesRefused(t *testing.T, s Stores, desk user.Device) {
	refused := func(code fault.Code, field string, change func(*user.Device)) {
		t.Run(string(code)+" "+field, func(t *testing.T) {
			d := newDevice(tenantA, "7", "new")
			change(&d)
			_, err := s.PutDevice(t.Context(), d, trail(tenantA, d.ID))
			wantField(t, err, code, field)
			wantDevice(t, s, desk)
		})
	}
	refused(fault.CodeExists, "address", func(d *user.Device) { d.Address = desk.Address })
	refused(fault.CodeExists, "credentials.username", func(d *user.Device) { d.Credentials.Username = "desk" })
	refused(fault.CodeExists, "identifiers", func(d *user.Device) { d.Identifiers = desk.Identifiers })
	refused(fault.CodeConflict, "", func(d *user.Device) { d.ID = desk.ID })
	refused(fault.CodeConflict, "", func(d *user.Device) { d.ID, d.Version = desk.ID, 5 })
	refused(fault.CodeNotFound, "", func(d *user.Device) { d.Version = 1 })
}

func testDeviceList(t *testing.T, s Stores) {
	for i := range 5 {
		_, err := s.PutDevice(t.Context(), newDevice("list", fmt.Sprint(i), fmt.Sprint("p", i)), audit.Trail{})
		ok(t, err)
	}
	for _, limit := range []int{1, 2, 5, 500} {
		devices := pages(t, limit, func(after string) ([]user.Device, string, error) {
			return s.Devices(t.Context(), "list", user.Page{After: after, Limit: limit})
		})
		var ids []string
		for _, d := range devices {
			ids = append(ids, d.ID)
			same(t, d.Credentials.Username, d.Name)
		}
		same(t, ids, []string{"0", "1", "2", "3", "4"})
	}
	badCursors(t, func(after string) error {
		_, _, err := s.Devices(t.Context(), "list", user.Page{After: after, Limit: 1})
		return err
	})
}
