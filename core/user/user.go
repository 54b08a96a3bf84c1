// Package user holds who signs in and places calls, the devices that ring for them, and where SIP devices are
// registered.
package user

import (
	"context"
	"net/netip"
	"time"

	"c2d/core/audit"
	"c2d/core/identity"
)

// User signs in and places calls. Version counts its changes, from 1.
type User struct {
	ID          string                `json:"id"`
	Tenant      string                `json:"-"`
	Version     int64                 `json:"version"`
	Login       string                `json:"login"` // unique in the tenant, compared folded; [a-z0-9._-]
	Name        string                `json:"name"`
	ContactID   string                `json:"contact_id,omitempty"` // what others see in the book
	Site        string                `json:"site,omitempty"`
	DeviceIDs   []string              `json:"device_ids"` // in order; the first is the default
	Identifiers []identity.Identifier `json:"identifiers,omitempty"`
	Disabled    bool                  `json:"disabled,omitempty"`
	CreatedAt   time.Time             `json:"created_at"`
	UpdatedAt   time.Time             `json:"updated_at"`
}

// DeviceKind says what rings. A phone that has a password of its own here, on the desk or in software, is trusted to be
// answered by its own people; a mobile or an outside number, which a mailbox may answer, is asked to confirm.
type DeviceKind string

const (
	Desk   DeviceKind = "desk"
	Soft   DeviceKind = "soft"
	Mobile DeviceKind = "mobile"
	PSTN   DeviceKind = "pstn"
)

// Device is something that rings: an address of record registered here, an extension of a named backend, or a PSTN
// number. Several users may share one (a ward desk).
type Device struct {
	ID          string                `json:"id"`
	Tenant      string                `json:"-"`
	Version     int64                 `json:"version"`
	Name        string                `json:"name"`
	Kind        DeviceKind            `json:"kind"`
	Backend     string                `json:"backend"`          // configuration name of the backend that it lives on
	Address     string                `json:"address"`          // AOR "sip:harry@domain", or the extension or number that the backend dials
	Number      string                `json:"number,omitempty"` // E.164 or extension by which others call it
	Proved      bool                  `json:"proved"`
	Credentials *Credentials          `json:"-"`
	Identifiers []identity.Identifier `json:"identifiers,omitempty"`
	CreatedAt   time.Time             `json:"created_at"`
	UpdatedAt   time.Time             `json:"updated_at"`
}

// Credentials are what digest authentication needs (RFC 8760): never the password. All are lower-case hex.
type Credentials struct {
	Username  string `json:"username"`
	Realm     string `json:"realm"`
	HA1MD5    string `json:"ha1_md5"`    // MD5(username:realm:password)
	HA1SHA256 string `json:"ha1_sha256"` // SHA-256(username:realm:password)
}

// Page selects a part of a list: at most Limit items after the keyset cursor.
type Page struct {
	After string // opaque, from the list before; empty starts
	Limit int    // 1 to 500
}

// Store keeps users and devices. Each method is bound to one tenant and safe for concurrent use.
// Each that writes does so in one transaction with the trail.
// Errors: fault.CodeNotFound; fault.CodeExists with the field (login, identifiers, address, credentials.username) for
// a value that another one has; fault.CodeConflict when Version is not the stored one; fault.CodeBadCursor; fault.CodeStoreUnavailable.
type Store interface {
	// PutUser creates (Version 0) or replaces (Version as read) and returns what is stored, Version one higher.
	PutUser(ctx context.Context, u User, t audit.Trail) (User, error)
	User(ctx context.Context, tenant, id string) (User, error)
	UserByLogin(ctx context.Context, tenant, login string) (User, error)
	UsersByIdentifier(ctx context.Context, tenant string, id identity.Identifier) ([]User, error)
	// UsersByDevice returns those who have the device, by login.
	UsersByDevice(ctx context.Context, tenant, deviceID string) ([]User, error)
	Users(ctx context.Context, tenant string, p Page) (items []User, next string, err error)
	DeleteUser(ctx context.Context, tenant, id string, t audit.Trail) error

	PutDevice(ctx context.Context, d Device, t audit.Trail) (Device, error)
	Device(ctx context.Context, tenant, id string) (Device, error)
	// DeviceByAddress finds by Address or Number.
	DeviceByAddress(ctx context.Context, tenant, address string) (Device, error)
	// DeviceByCredentials finds by the digest username.
	DeviceByCredentials(ctx context.Context, tenant, username string) (Device, error)
	Devices(ctx context.Context, tenant string, p Page) (items []Device, next string, err error)
	DeleteDevice(ctx context.Context, tenant, id string, t audit.Trail) error

	// Record writes a trail that belongs to no change, as audit.Store does: reads of devices' numbers.
	Record(ctx context.Context, t audit.Trail) error
}

// Binding is where one registered phone of an address of record can be reached (RFC 3261 section 10).
type Binding struct {
	Tenant    string         `json:"tenant"`
	AOR       string         `json:"aor"`      // "sip:harry@domain"
	Contact   string         `json:"contact"`  // the Contact URI, whole
	Instance  string         `json:"instance"` // +sip.instance (RFC 5626), empty if none
	RegID     int            `json:"reg_id,omitempty"`
	CallID    string         `json:"call_id"`
	CSeq      uint32         `json:"cseq"`
	Transport string         `json:"transport"` // udp, tcp, tls
	Source    netip.AddrPort `json:"source"`    // where the REGISTER came from; requests go there
	Path      []string       `json:"path,omitempty"`
	UserAgent string         `json:"user_agent,omitempty"`
	ExpiresAt time.Time      `json:"expires_at"`
	UpdatedAt time.Time      `json:"updated_at"`
}

// Locations keeps bindings durably. Safe for concurrent use.
// Errors: fault.CodeStoreUnavailable.
type Locations interface {
	// PutBinding creates or replaces the binding of the same tenant, AOR and Contact, or of the same Instance and
	// RegID. It is the whole REGISTER: remove, then put, in one transaction.
	PutBindings(ctx context.Context, tenant, aor string, put, remove []Binding) error
	// Bindings returns those that expire after now, newest first.
	Bindings(ctx context.Context, tenant, aor string, now time.Time) ([]Binding, error)
}
