package httpapi_test

import (
	"context"
	"io"

	"c2d/core/access"
	"c2d/core/directory"
	"c2d/core/identity"
	"c2d/core/user"
)

// fakeUsers keeps the last of each.
type fakeUsers struct {
	user     user.User
	device   user.Device
	password string
	query    *identity.Identifier
	page     user.Page
	deleted  string
	err      error
}

func (f *fakeUsers) Create(_ context.Context, _ access.Actor, u user.User) (user.User, error) {
	u.ID, u.Version, u.CreatedAt, u.UpdatedAt = "u-1", 1, start, start
	f.user = u
	return u, f.err
}

func (f *fakeUsers) Update(_ context.Context, _ access.Actor, u user.User) (user.User, error) {
	u.CreatedAt, u.UpdatedAt = start, start
	f.user = u
	u.Version++
	return u, f.err
}

func (f *fakeUsers) Delete(_ context.Context, _ access.Actor, id string) error {
	f.deleted = id
	return f.err
}

func (f *fakeUsers) Get(context.Context, access.Actor, string) (user.User, error) {
	return f.user, f.err
}

func (f *fakeUsers) List(_ context.Context, _ access.Actor, id *identity.Identifier, p user.Page) ([]user.User, string, error) {
	f.query, f.page = id, p
	return []user.User{f.user}, "", f.err
}

func (f *fakeUsers) AddDevice(_ context.Context, _ access.Actor, _ string, d user.Device, password string) (user.Device, error) {
	d.ID, d.Version, d.CreatedAt, d.UpdatedAt = "d-1", 1, start, start
	if password != "" {
		d.Credentials = &user.Credentials{Username: "harry", Realm: "SECRET-realm", HA1MD5: "SECRET-md5", HA1SHA256: "SECRET-sha"}
	}
	f.device, f.password = d, password
	return d, f.err
}

func (f *fakeUsers) UpdateDevice(_ context.Context, _ access.Actor, d user.Device, password string) (user.Device, error) {
	f.device, f.password = d, password
	return d, f.err
}

func (f *fakeUsers) RemoveDevice(_ context.Context, _ access.Actor, userID, deviceID string) error {
	f.deleted = userID + "/" + deviceID
	return f.err
}

func (f *fakeUsers) Devices(context.Context, access.Actor, string) ([]user.Device, error) {
	return []user.Device{f.device}, f.err
}

type fakeBook struct {
	contact  directory.Contact
	q        string
	id       *identity.Identifier
	page     user.Page
	imported string
	dryRun   bool
	deleted  string
	err      error
}

func (f *fakeBook) Create(_ context.Context, _ access.Actor, c directory.Contact) (directory.Contact, error) {
	c.ID, c.Version, c.CreatedAt, c.UpdatedAt = "c-1", 1, start, start
	f.contact = c
	return c, f.err
}

func (f *fakeBook) Update(_ context.Context, _ access.Actor, c directory.Contact) (directory.Contact, error) {
	f.contact = c
	return c, f.err
}

func (f *fakeBook) Delete(_ context.Context, _ access.Actor, id string) error {
	f.deleted = id
	return f.err
}

func (f *fakeBook) Get(context.Context, access.Actor, string) (directory.Contact, error) {
	return f.contact, f.err
}

func (f *fakeBook) Search(_ context.Context, _ access.Actor, q string, id *identity.Identifier, p user.Page) ([]directory.Contact, string, error) {
	f.q, f.id, f.page = q, id, p
	return []directory.Contact{f.contact}, "c2", f.err
}

func (f *fakeBook) Import(_ context.Context, _ access.Actor, r io.Reader, dryRun bool) (directory.ImportReport, error) {
	b, _ := io.ReadAll(r)
	f.imported, f.dryRun = string(b), dryRun
	return directory.ImportReport{DryRun: dryRun, Rows: 1, Created: 1}, f.err
}
