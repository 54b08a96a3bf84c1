package httpapi

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"c2d/core/access"
)

func (s *Server) keyOperations() {
	register(s, operation(http.MethodGet, "/v1/keys", "list-keys", "The keys that this key may manage"), s.listKeys)
	register(s, created(operation(http.MethodPost, "/v1/keys", "create-key", "A new key; its secret is shown this once")), s.createKey)
	register(s, operation(http.MethodPost, "/v1/keys/{id}/revoke", "revoke-key", "End a key at once"), s.revokeKey)
	register(s, created(operation(http.MethodPost, "/v1/tokens", "create-token", "A token of 15 minutes for one user on one web origin")), s.createToken)
}

// keyView is a key as it is shown; the secret only in the answer that issues it.
type keyView struct {
	ID         string         `json:"id"`
	Name       string         `json:"name"`
	Role       access.Role    `json:"role"`
	Scopes     []access.Scope `json:"scopes"`
	UserID     string         `json:"user_id,omitempty"`
	Origin     string         `json:"origin,omitempty"`
	Networks   []netip.Prefix `json:"networks,omitempty"`
	Token      bool           `json:"token,omitempty"`
	CreatedAt  stamp          `json:"created_at"`
	ExpiresAt  stamp          `json:"expires_at,omitzero"`
	RevokedAt  stamp          `json:"revoked_at,omitzero"`
	LastUsedAt stamp          `json:"last_used_at,omitzero"`
	Secret     string         `json:"secret,omitempty" doc:"To be sent as Authorization: Bearer; it cannot be shown again"`
}

func viewKey(k access.Key) keyView {
	return keyView{ID: k.ID, Name: k.Name, Role: k.Role, Scopes: append([]access.Scope{}, k.Scopes...), UserID: k.UserID, Origin: k.Origin,
		Networks: k.Networks, Token: k.Token, CreatedAt: stamp(k.CreatedAt), ExpiresAt: stamp(k.ExpiresAt),
		RevokedAt: stamp(k.RevokedAt), LastUsedAt: stamp(k.LastUsedAt)}
}

type listKeysInput struct{ Paged }

func (s *Server) listKeys(ctx context.Context, a access.Actor, in *listKeysInput) (*output[list[keyView]], error) {
	if err := in.whole(); err != nil {
		return nil, err
	}
	keys, err := s.deps.Keys.List(ctx, a)
	if err != nil {
		return nil, err
	}
	return page(keys, "", viewKey), nil
}

type createKeyInput struct {
	Body struct {
		Name      string         `json:"name"`
		Role      access.Role    `json:"role" enum:"system_admin,security_admin,audit_admin,system,user"`
		Scopes    []access.Scope `json:"scopes,omitempty" doc:"Within the role's; absent is all that your own key may give"`
		UserID    string         `json:"user_id,omitempty" doc:"For the role user"`
		Networks  []netip.Prefix `json:"networks,omitempty" doc:"Where it may come from; absent is anywhere"`
		ExpiresAt stamp          `json:"expires_at,omitzero"`
	}
}

func (s *Server) createKey(ctx context.Context, a access.Actor, in *createKeyInput) (*output[keyView], error) {
	b := in.Body
	ask := access.Key{Name: b.Name, Role: b.Role, Scopes: b.Scopes, UserID: b.UserID, Networks: b.Networks, ExpiresAt: time.Time(b.ExpiresAt)}
	if err := s.checkOwner(ctx, a, ask.UserID); err != nil {
		return nil, err
	}
	k, secret, err := s.deps.Keys.Issue(ctx, a, ask)
	if err != nil {
		return nil, err
	}
	v := viewKey(k)
	v.Secret = secret
	return &output[keyView]{Body: v}, nil
}

func (s *Server) revokeKey(ctx context.Context, a access.Actor, in *ByID) (*struct{}, error) {
	return nil, s.deps.Keys.Revoke(ctx, a, in.ID)
}

type createTokenInput struct {
	Body struct {
		UserID string `json:"user_id"`
		Origin string `json:"origin" doc:"The one web origin that may send it, such as https://his.example"`
	}
}

type tokenView struct {
	ID        string `json:"id"`
	Token     string `json:"token" doc:"To be sent as Authorization: Bearer"`
	UserID    string `json:"user_id"`
	Origin    string `json:"origin"`
	ExpiresAt stamp  `json:"expires_at"`
}

func (s *Server) createToken(ctx context.Context, a access.Actor, in *createTokenInput) (*output[tokenView], error) {
	if err := s.checkOwner(ctx, a, in.Body.UserID); err != nil {
		return nil, err
	}
	k, secret, err := s.deps.Keys.IssueToken(ctx, a, in.Body.UserID, in.Body.Origin)
	if err != nil {
		return nil, err
	}
	return &output[tokenView]{Body: tokenView{ID: k.ID, Token: secret, UserID: k.UserID, Origin: k.Origin, ExpiresAt: stamp(k.ExpiresAt)}}, nil
}
