package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"sync"
	"time"

	"c2d/core/fault"
	"c2d/core/identity"
)

// Store keeps keys. core/audit imports this package, so that no method can take its Trail: PutKey takes what an audit
// entry is made of instead. Errors: fault.CodeNotFound, fault.CodeStoreUnavailable. Safe for concurrent use.
type Store interface {
	// PutKey creates or replaces a key; act and actor describe the audit entry written in the same transaction.
	PutKey(ctx context.Context, k Key, a Actor, act string) error
	// KeyByHash finds a key, of whatever tenant, by its Hash.
	KeyByHash(ctx context.Context, hash []byte) (Key, error)
	Key(ctx context.Context, tenant, id string) (Key, error)
	Keys(ctx context.Context, tenant string) ([]Key, error)
	// Used notes that a key was used; it may be written late, and lost in a crash.
	Used(ctx context.Context, tenant, id string, at time.Time) error
}

const (
	secretPrefix = "c2d_" // by which scanners of repositories and logs know a leaked key
	secretBytes  = 32
	tokenLife    = 15 * time.Minute
	userKeyLife  = 90 * 24 * time.Hour // of a user's key that asks for no expiry
	liveOfName   = 2                   // keys of one name at once: the old and the new while one is rotated
	useNoted     = time.Minute         // how exact LastUsedAt is
)

// Service issues and checks keys. Safe for concurrent use.
//
// Keys of systems and administrators do not expire unless asked to: one that ends by itself, unnoticed, stops a
// hospital's calls or locks its administrators out. Keys of users, which live on their desks, end after 90 days.
// Every request looks into the store: a revoked key is refused at once, by every process on it. Only while the store
// is away is a key that was found there within the last hour taken as it was: nothing can be placed or read from the
// store then, but a talking call can be hung up. Tokens that a key has issued live on until they expire, 15 minutes
// at most.
type Service struct {
	store Store
	seen  seen
	now   func() time.Time
	issue sync.Mutex // the count of live keys of a name, and the put that follows it
}

// NewService returns a service on the store.
func NewService(s Store) *Service {
	return &Service{store: s, seen: seen{by: map[string]sighting{}}, now: time.Now}
}

// mint gives a key its id, its times and a new secret.
func (s *Service) mint(k Key) (Key, string) {
	var b [secretBytes]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	secret := secretPrefix + base64.RawURLEncoding.EncodeToString(b[:])
	k.ID, k.Hash = identity.NewID(), hashOf(secret)
	k.CreatedAt = s.now().UTC().Truncate(time.Millisecond)
	k.RevokedAt, k.LastUsedAt = time.Time{}, time.Time{}
	return k, secret
}

func hashOf(secret string) []byte {
	h := sha256.Sum256([]byte(secret)) // 256 random bits need no slow hash
	return h[:]
}

// Issue creates a key and returns its secret, shown once. The actor needs WriteKeys for systems and users,
// WriteAdmins for system and security administrators; an audit administrator's key is issued by such a key alone, as
// the next of its own name. No scopes means all that the role has; for systems and users, those that the actor has too, but for RecordCalls.
// Errors: fault.CodeScopeMissing, fault.CodeForbidden, fault.CodeInvalid with the field, fault.CodeConflict with the
// field when two keys of the name are live, fault.CodeStoreUnavailable.
func (s *Service) Issue(ctx context.Context, a Actor, k Key) (Key, string, error) {
	if err := s.mayIssue(ctx, a, k); err != nil {
		return Key{}, "", err
	}
	now := s.now()
	k, err := draft(a, k, now)
	if err != nil {
		return Key{}, "", err
	}
	s.issue.Lock()
	defer s.issue.Unlock()
	keys, err := s.store.Keys(ctx, a.Tenant)
	if err != nil {
		return Key{}, "", err
	}
	same := func(o Key) bool { return !o.Token && o.Role == k.Role && o.Name == k.Name && o.UserID == k.UserID }
	if countLive(keys, now, same) >= liveOfName {
		return Key{}, "", fault.Field(fault.CodeConflict, "name", "two keys of this name are live: revoke one first")
	}
	return s.put(ctx, a, k, "key.create")
}

func (s *Service) put(ctx context.Context, a Actor, k Key, act string) (Key, string, error) {
	k, secret := s.mint(k)
	if err := s.store.PutKey(ctx, k, a, act); err != nil {
		return Key{}, "", err
	}
	return shown(k), secret, nil
}

// shown is the key as callers see it.
func shown(k Key) Key {
	k.Hash = nil
	return k
}

// IssueToken creates a token of 15 minutes for one user and one web origin, such as "https://his.example". The actor
// needs CreateTokens and must be allowed to act for the user; the token gets no scope that the actor lacks.
// Errors: fault.CodeScopeMissing, fault.CodeForbidden, fault.CodeInvalid with the field, fault.CodeStoreUnavailable.
func (s *Service) IssueToken(ctx context.Context, a Actor, userID, origin string) (Key, string, error) {
	if err := a.May(CreateTokens); err != nil {
		return Key{}, "", err
	}
	if err := a.MayActFor(userID); err != nil {
		return Key{}, "", err
	}
	if !idForm.MatchString(userID) {
		return Key{}, "", fault.Field(fault.CodeInvalid, "user_id", "is not an id")
	}
	origin, err := parseOrigin(origin)
	if err != nil {
		return Key{}, "", err
	}
	k := Key{Tenant: a.Tenant, Name: "token", Role: User, Scopes: both(User.Scopes(), a.Scopes), UserID: userID, Origin: origin, Token: true}
	k.ExpiresAt = s.now().UTC().Truncate(time.Millisecond).Add(tokenLife)
	return s.put(ctx, a, k, "token.create")
}

// Revoke ends a key at once; one that is revoked already stays as it is. WriteAdmins revokes any key, WriteKeys those of systems
// and users, CreateTokens tokens; everyone its own, and an audit administrator those of its name. The last live key
// of the security administrator stays: nobody could issue another.
// Errors: fault.CodeNotFound, fault.CodeForbidden, fault.CodeConflict, fault.CodeStoreUnavailable.
func (s *Service) Revoke(ctx context.Context, a Actor, id string) error {
	s.issue.Lock()
	defer s.issue.Unlock()
	k, err := s.store.Key(ctx, a.Tenant, id)
	if err != nil {
		return err
	}
	if err := s.mayRevoke(ctx, a, k); err != nil || !k.RevokedAt.IsZero() {
		return err
	}
	if k.Role == SecurityAdmin {
		keys, err := s.store.Keys(ctx, a.Tenant)
		if err != nil {
			return err
		}
		if countLive(keys, s.now(), func(o Key) bool { return o.Role == SecurityAdmin && o.ID != id }) == 0 {
			return fault.New(fault.CodeConflict, "this is the last key of the security administrator: issue another first")
		}
	}
	k.RevokedAt = s.now().UTC().Truncate(time.Millisecond)
	if err := s.store.PutKey(ctx, k, a, "key.revoke"); err != nil {
		return err
	}
	s.seen.forget(k.Hash)
	return nil
}

// List returns the keys that the actor may manage, without tokens that have ended.
// Errors: fault.CodeScopeMissing, fault.CodeStoreUnavailable.
func (s *Service) List(ctx context.Context, a Actor) ([]Key, error) {
	if a.Role != AuditAdmin && a.May(WriteAdmins) != nil {
		if err := a.May(WriteKeys); err != nil {
			return nil, err
		}
	}
	own, err := s.ownName(ctx, a)
	if err != nil {
		return nil, err
	}
	keys, err := s.store.Keys(ctx, a.Tenant)
	if err != nil {
		return nil, err
	}
	now := s.now()
	listed := []Key{}
	for _, k := range keys {
		if manages(a, own, k) && (!k.Token || k.live(now)) {
			listed = append(listed, shown(k))
		}
	}
	return listed, nil
}
