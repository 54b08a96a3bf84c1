package user

import (
	"context"
	"crypto/md5" // RFC 8760 keeps MD5 for the phones that know nothing else
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"c2d/core/access"
	"c2d/core/audit"
	"c2d/core/event"
	"c2d/core/fault"
	"c2d/core/identity"
)

// conflictRetries bounds how often a change of a user's device list is tried anew when another change came first.
const conflictRetries = 8

// AddDevice stores a device and appends it to the user's; password, if not empty, becomes digest credentials with the
// user part of the address as username. Needs access.WriteUsers. Errors: as Create; fault.CodeNotFound for the user.
func (s *Service) AddDevice(ctx context.Context, a access.Actor, userID string, d Device, password string) (Device, error) {
	if err := a.May(access.WriteUsers); err != nil {
		return Device{}, err
	}
	u, err := s.store.User(ctx, a.Tenant, userID)
	if err != nil {
		return Device{}, err
	}
	if len(u.DeviceIDs) >= maxDevices {
		return Device{}, fault.Field(fault.CodeInvalid, "device_ids", "must have %d items at most", maxDevices)
	}
	now := clock()
	d.ID, d.Tenant, d.Version, d.CreatedAt, d.UpdatedAt, d.Credentials = identity.NewID(), a.Tenant, 0, now, now, nil
	stored, err := s.putDevice(ctx, a, "device.create", userID, d, password)
	if err != nil {
		return Device{}, err
	}
	err = s.editDevices(ctx, a, userID, func(ids []string) []string { return append(ids, stored.ID) })
	if err != nil { // a device that is nobody's could still register
		undo := context.WithoutCancel(ctx)
		err = errors.Join(err, s.store.DeleteDevice(undo, a.Tenant, stored.ID, deviceTrail(a, clock(), "device.delete", userID, stored)))
		return Device{}, err
	}
	return stored, nil
}

// UpdateDevice replaces a device; an empty password keeps the credentials, and is refused when the user part of the
// address changes, since the stored hashes hold it. Version 0 means whatever is stored now. Needs access.WriteUsers.
func (s *Service) UpdateDevice(ctx context.Context, a access.Actor, d Device, password string) (Device, error) {
	if err := a.May(access.WriteUsers); err != nil {
		return Device{}, err
	}
	old, err := s.store.Device(ctx, a.Tenant, d.ID)
	if err != nil {
		return Device{}, err
	}
	d.Tenant, d.CreatedAt, d.UpdatedAt, d.Credentials = a.Tenant, old.CreatedAt, clock(), old.Credentials
	if d.Version == 0 {
		d.Version = old.Version
	}
	if password == "" && old.Credentials != nil && old.Credentials.Username != username(d.Address) {
		return Device{}, fault.Field(fault.CodeInvalid, "password", "is needed again, since the user part of the address changed")
	}
	return s.putDevice(ctx, a, "device.update", "", d, password)
}

// RemoveDevice takes a device from a user, and deletes it when no other user has it. It can be repeated after a
// failure. Needs access.WriteUsers.
func (s *Service) RemoveDevice(ctx context.Context, a access.Actor, userID, deviceID string) error {
	if err := a.May(access.WriteUsers); err != nil {
		return err
	}
	d, err := s.store.Device(ctx, a.Tenant, deviceID)
	if err != nil {
		return err
	}
	if err := s.detach(ctx, a, userID, deviceID); err != nil {
		return err
	}
	left, err := s.store.UsersByDevice(ctx, a.Tenant, deviceID)
	if err != nil || len(left) > 0 {
		return err
	}
	return s.store.DeleteDevice(ctx, a.Tenant, deviceID, deviceTrail(a, clock(), "device.delete", userID, d))
}

// detach takes a device from a user's list; a device that is nobody's is a former removal that failed half-way.
func (s *Service) detach(ctx context.Context, a access.Actor, userID, deviceID string) error {
	owners, err := s.store.UsersByDevice(ctx, a.Tenant, deviceID)
	if err != nil || len(owners) == 0 {
		return err
	}
	if !slices.ContainsFunc(owners, func(u User) bool { return u.ID == userID }) {
		return fault.New(fault.CodeNotFound, "the user has no such device")
	}
	return s.editDevices(ctx, a, userID, func(ids []string) []string {
		return slices.DeleteFunc(ids, func(id string) bool { return id == deviceID })
	})
}

// Devices returns a user's devices in order; the read is audited, since it shows numbers. Needs access.ReadUsers, or
// to be that user.
func (s *Service) Devices(ctx context.Context, a access.Actor, userID string) ([]Device, error) {
	items, err := s.devices(ctx, a, userID)
	target, result := userID, "ok"
	if err != nil { // an id that is none is not recorded: it may be anything that a client typed
		target, result = "", string(fault.CodeOf(err))
	}
	entry := audit.New(a, clock(), "device.read", target, result)
	if failed := s.store.Record(ctx, audit.Trail{Audit: []audit.Entry{entry}}); failed != nil && err == nil {
		return nil, failed
	}
	return items, err
}

func (s *Service) devices(ctx context.Context, a access.Actor, userID string) ([]Device, error) {
	u, err := s.Get(ctx, a, userID)
	if err != nil {
		return nil, err
	}
	items := make([]Device, 0, len(u.DeviceIDs))
	for _, id := range u.DeviceIDs {
		d, err := s.store.Device(ctx, a.Tenant, id)
		if fault.Is(err, fault.CodeNotFound) {
			continue // removed since the user was read
		}
		if err != nil {
			return nil, err
		}
		items = append(items, d)
	}
	return items, nil
}

// putDevice checks and stores a device. The credentials' username is part of the address, so that is the field at fault.
func (s *Service) putDevice(ctx context.Context, a access.Actor, action, userID string, d Device, password string) (Device, error) {
	if err := s.checkDevice(&d); err != nil {
		return Device{}, err
	}
	if password != "" {
		if err := identity.CheckText("password", password, 8, 128); err != nil {
			return Device{}, err
		}
		d.Credentials = digest(username(d.Address), s.realm, password)
	}
	stored, err := s.store.PutDevice(ctx, d, deviceTrail(a, d.UpdatedAt, action, userID, d))
	var f *fault.Error
	if errors.As(err, &f) && f.Code == fault.CodeExists && f.Field == "credentials.username" {
		return Device{}, fault.Field(fault.CodeExists, "address", "another device signs in as this user part already")
	}
	return stored, err
}

// editDevices changes a user's device list, anew when another change of the user came first.
func (s *Service) editDevices(ctx context.Context, a access.Actor, userID string, edit func([]string) []string) error {
	var err error
	for range conflictRetries {
		var u User
		if u, err = s.store.User(ctx, a.Tenant, userID); err != nil {
			return err
		}
		u.DeviceIDs, u.UpdatedAt = edit(slices.Clone(u.DeviceIDs)), clock()
		_, err = s.store.PutUser(ctx, u, userTrail(a, u.UpdatedAt, "user.devices", u))
		if !fault.Is(err, fault.CodeConflict) {
			return err
		}
	}
	return err
}

// username returns the user part of an AOR, or the whole of an extension.
func username(address string) string {
	_, after, found := strings.Cut(address, ":")
	if !found {
		after = address
	}
	user, _, _ := strings.Cut(after, "@")
	return user
}

// digest returns the two HA1 of RFC 7616 section 3.4.2; the password itself is forgotten.
func digest(username, realm, password string) *Credentials {
	secret := []byte(username + ":" + realm + ":" + password)
	m, h := md5.Sum(secret), sha256.Sum256(secret)
	return &Credentials{Username: username, Realm: realm, HA1MD5: hex.EncodeToString(m[:]), HA1SHA256: hex.EncodeToString(h[:])}
}

func deviceTrail(a access.Actor, at time.Time, action, userID string, d Device) audit.Trail {
	return audit.Trail{
		Audit:  []audit.Entry{audit.New(a, at, action, d.ID, "ok")},
		Events: []event.Event{{Tenant: a.Tenant, Kind: event.DeviceChanged, Subject: d.ID, UserID: userID, Version: d.Version + 1, At: at}},
	}
}
