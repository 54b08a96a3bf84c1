// Package access says who may do what: actors, keys with scopes, and the three administrators, none of whom can act
// for another.
//
//	role            may                                                  may never
//	system_admin    users, devices, contacts, calls, health, web         admin keys, the audit log
//	                hooks, keys of HIS systems and users
//	security_admin  admin keys (system, security), revoking any key,     calls, people, the audit log
//	                networks and expiry
//	audit_admin     read and verify the audit log, rotate its own key    everything else
//	system          (a HIS) place and control calls for any user, read   keys, audit
//	                and write the book, set web hooks, as its scopes say
//	user            place and control its own calls, read the book,      other users' calls
//	                edit its own entries
//
// Recording a call is a scope that systems and users get by name only: who may hold a call may not record it by that.
package access

import (
	"net/netip"
	"slices"
	"time"

	"c2d/core/fault"
)

// MainTenant is the one tenant of an installation that has only one.
const MainTenant = "main"

// Role is the class of a key.
type Role string

const (
	SystemAdmin   Role = "system_admin"
	SecurityAdmin Role = "security_admin"
	AuditAdmin    Role = "audit_admin"
	System        Role = "system"
	User          Role = "user"
)

// Scope is one permission of a key.
type Scope string

const (
	PlaceCalls    Scope = "calls:place"
	ReadCalls     Scope = "calls:read"
	ControlCalls  Scope = "calls:control"
	RecordCalls   Scope = "calls:record" // beside ControlCalls; a key of a system or user has it only where it was named
	Resolve       Scope = "resolve"
	ReadBook      Scope = "book:read"
	WriteBook     Scope = "book:write"
	ReadUsers     Scope = "users:read"
	WriteUsers    Scope = "users:write"
	ReadEvents    Scope = "events:read"
	WriteKeys     Scope = "keys:write"       // keys of systems and users
	WriteAdmins   Scope = "admin_keys:write" // keys of administrators; revoking any key
	CreateTokens  Scope = "tokens:create"
	ReadAudit     Scope = "audit:read"
	ReadReadiness Scope = "health:read"
	WriteWebhooks Scope = "webhooks:write"
	ReloadConfig  Scope = "config:reload"
)

var roleScopes = map[Role][]Scope{
	SystemAdmin:   {PlaceCalls, ReadCalls, ControlCalls, RecordCalls, Resolve, ReadBook, WriteBook, ReadUsers, WriteUsers, ReadEvents, WriteKeys, CreateTokens, ReadReadiness, WriteWebhooks, ReloadConfig},
	SecurityAdmin: {WriteAdmins, ReadReadiness},
	AuditAdmin:    {ReadAudit, ReadReadiness},
	System:        {PlaceCalls, ReadCalls, ControlCalls, RecordCalls, Resolve, ReadBook, WriteBook, ReadUsers, WriteUsers, ReadEvents, CreateTokens, WriteWebhooks},
	User:          {PlaceCalls, ReadCalls, ControlCalls, RecordCalls, Resolve, ReadBook, ReadEvents},
}

// Scopes returns the widest set of scopes that a key of the role may have; nil for an unknown role.
func (r Role) Scopes() []Scope { return slices.Clone(roleScopes[r]) }

// Actor is who asks: it comes first in every port that acts for somebody.
type Actor struct {
	Tenant     string
	KeyID      string
	Role       Role
	Scopes     []Scope
	UserID     string // the user that a user key or token is bound to
	OnBehalfOf string // the user that a system names as the one who clicks, for the audit
	Address    netip.Addr
	RequestID  string
}

// Internal is the actor of the service's own work, such as recovery after a restart.
func Internal(tenant string) Actor {
	return Actor{Tenant: tenant, KeyID: "internal", Role: System, Scopes: roleScopes[System]}
}

// May returns nil if the actor has the scope, else fault.CodeScopeMissing.
func (a Actor) May(s Scope) error {
	if slices.Contains(a.Scopes, s) {
		return nil
	}
	return fault.New(fault.CodeScopeMissing, "this key lacks the scope %s", s)
}

// MayActFor returns nil if the actor may place and control calls of that user: a system for any of the tenant,
// a user for itself; else fault.CodeForbidden.
func (a Actor) MayActFor(userID string) error {
	if a.UserID == "" || a.UserID == userID {
		return nil
	}
	return fault.New(fault.CodeForbidden, "this key acts for its own user only")
}

// Key is a credential. Only its SHA-256 is stored; the text is shown once, when it is issued.
type Key struct {
	ID         string         `json:"id"`
	Tenant     string         `json:"-"`
	Name       string         `json:"name"`
	Role       Role           `json:"role"`
	Scopes     []Scope        `json:"scopes"`
	UserID     string         `json:"user_id,omitempty"`
	Origin     string         `json:"origin,omitempty"`   // tokens: the one web origin that may send it (RFC 6454)
	Networks   []netip.Prefix `json:"networks,omitempty"` // where it may come from; empty is anywhere
	Hash       []byte         `json:"-"`
	Token      bool           `json:"token,omitempty"` // a short-lived token of a user
	CreatedAt  time.Time      `json:"created_at"`
	ExpiresAt  time.Time      `json:"expires_at,omitzero"`
	RevokedAt  time.Time      `json:"revoked_at,omitzero"`
	LastUsedAt time.Time      `json:"last_used_at,omitzero"`
}
