package httpapi

import (
	"context"
	"net/http"

	"c2d/core/access"
	"c2d/core/identity"
	"c2d/core/user"
)

func (s *Server) userOperations() {
	register(s, operation(http.MethodGet, "/v1/users", "list-users", "Users, by login"), s.listUsers)
	register(s, created(operation(http.MethodPost, "/v1/users", "create-user", "A new user")), s.createUser)
	register(s, operation(http.MethodGet, "/v1/users/{id}", "get-user", "One user"), s.getUser)
	both(s, operation(http.MethodPut, "/v1/users/{id}", "replace-user", "Replace a user"),
		operation(http.MethodPost, "/v1/users/{id}", "replace-user-post", "Replace a user"), s.updateUser)
	both(s, operation(http.MethodDelete, "/v1/users/{id}", "delete-user", "Delete a user, and the devices that nobody else has"),
		operation(http.MethodPost, "/v1/users/{id}/delete", "delete-user-post", "Delete a user, and the devices that nobody else has"), s.deleteUser)
}

// userView is a user, as it is shown and as it is sent.
type userView struct {
	ID          string                `json:"id,omitempty" readOnly:"true"`
	Version     int64                 `json:"version,omitempty" doc:"In a change: the one that was read"`
	Login       string                `json:"login" doc:"1 to 64 of a-z, 0-9 and . _ -"`
	Name        string                `json:"name"`
	ContactID   string                `json:"contact_id,omitempty" doc:"The user's own entry in the book"`
	Site        string                `json:"site,omitempty"`
	DeviceIDs   []string              `json:"device_ids" required:"false" doc:"In order; the first is the default. Absent in a change: as they are"`
	Identifiers []identity.Identifier `json:"identifiers,omitempty"`
	Disabled    bool                  `json:"disabled" required:"false"`
	CreatedAt   stamp                 `json:"created_at,omitzero" readOnly:"true"`
	UpdatedAt   stamp                 `json:"updated_at,omitzero" readOnly:"true"`
}

func viewUser(u user.User) userView {
	return userView{ID: u.ID, Version: u.Version, Login: u.Login, Name: u.Name, ContactID: u.ContactID, Site: u.Site,
		DeviceIDs: append([]string{}, u.DeviceIDs...), Identifiers: u.Identifiers, Disabled: u.Disabled,
		CreatedAt: stamp(u.CreatedAt), UpdatedAt: stamp(u.UpdatedAt)}
}

func (v userView) user() user.User {
	return user.User{Login: v.Login, Name: v.Name, ContactID: v.ContactID, Site: v.Site, DeviceIDs: v.DeviceIDs,
		Identifiers: v.Identifiers, Disabled: v.Disabled}
}

type userOutput struct {
	Location string `header:"Location"`
	ETag     string `header:"ETag"`
	Body     userView
}

func showUser(u user.User) *userOutput {
	return &userOutput{ETag: entityTag(u.Version), Body: viewUser(u)}
}

type listUsersInput struct {
	Identifier string `query:"identifier" doc:"system|value: only those who have it"`
	Paged
}

func (s *Server) listUsers(ctx context.Context, a access.Actor, in *listUsersInput) (*output[list[userView]], error) {
	id, err := identifierOf(in.Identifier)
	if err != nil {
		return nil, err
	}
	items, next, err := s.deps.Users.List(ctx, a, id, in.page())
	if err != nil {
		return nil, err
	}
	return page(items, next, viewUser), nil
}

type createUserInput struct{ Body userView }

func (s *Server) createUser(ctx context.Context, a access.Actor, in *createUserInput) (*userOutput, error) {
	u, err := s.deps.Users.Create(ctx, a, in.Body.user())
	if err != nil {
		return nil, err
	}
	out := showUser(u)
	out.Location = "/v1/users/" + u.ID
	return out, nil
}

func (s *Server) getUser(ctx context.Context, a access.Actor, in *ByID) (*userOutput, error) {
	u, err := s.deps.Users.Get(ctx, a, in.ID)
	if err != nil {
		return nil, err
	}
	return showUser(u), nil
}

type updateUserInput struct {
	ByID
	IfMatch string `header:"If-Match" doc:"The version that was read, if the body does not say it; * for any"`
	Body    userView
}

func (s *Server) updateUser(ctx context.Context, a access.Actor, in *updateUserInput) (*userOutput, error) {
	if err := sameID(in.ID, in.Body.ID); err != nil {
		return nil, err
	}
	version, err := versionOf(in.Body.Version, in.IfMatch)
	if err != nil {
		return nil, err
	}
	u := in.Body.user()
	u.ID, u.Version = in.ID, version
	if u, err = s.deps.Users.Update(ctx, a, u); err != nil {
		return nil, err
	}
	return showUser(u), nil
}

func (s *Server) deleteUser(ctx context.Context, a access.Actor, in *ByID) (*struct{}, error) {
	if err := s.revokeOf(ctx, a, in.ID); err != nil {
		return nil, err
	}
	return nil, s.deps.Users.Delete(ctx, a, in.ID)
}
