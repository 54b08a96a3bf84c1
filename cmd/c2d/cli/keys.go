package cli

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"c2d/cmd/c2d/app"
	"c2d/cmd/c2d/client"
	"c2d/cmd/c2d/config"
	"c2d/core/access"
)

type keyCmd struct {
	Add     keyAddCmd     `cmd:"" help:"Make a key; its secret is printed this once."`
	List    keyListCmd    `cmd:"" help:"List the keys that this key may manage."`
	Revoke  keyRevokeCmd  `cmd:"" help:"End a key at once."`
	Restore keyRestoreCmd `cmd:"" help:"Make a new key for an administrator who has lost the last; at the host, with the service stopped."`
}

type keyAddCmd struct {
	Name    string        `arg:"" help:"Whose it is."`
	Role    string        `help:"system (a HIS), user, system_admin, security_admin or audit_admin." default:"system" enum:"system,user,system_admin,security_admin,audit_admin"`
	Scope   []string      `help:"Only this much of the role; may be given several times."`
	Login   string        `help:"The user, for the role user."`
	Network []string      `help:"Where it may come from, such as 10.0.0.0/8; may be given several times."`
	Expires time.Duration `help:"How long it is valid, such as 720h. Without it, until it is revoked." placeholder:"TIME"`
	apiFlags
}

// Run makes the key. The secret goes to standard output alone, so that it can be sent to a file.
func (c keyAddCmd) Run(ctx context.Context, env Env) error {
	api, err := c.client(env)
	if err != nil {
		return err
	}
	defer api.Close()
	k := client.Key{Name: c.Name, Role: c.Role, Scopes: c.Scope, Networks: c.Network}
	if c.Expires > 0 {
		k.ExpiresAt = time.Now().UTC().Add(c.Expires).Truncate(time.Second)
	}
	if c.Login != "" {
		u, err := findUser(ctx, api, c.Login)
		if err != nil {
			return err
		}
		k.UserID = u.ID
	}
	if err := api.Post(ctx, "/v1/keys", k, &k); err != nil {
		return err
	}
	fmt.Fprintln(env.Stderr, "key", k.ID)
	_, err = fmt.Fprintln(env.Stdout, k.Secret)
	return err
}

type keyListCmd struct{ apiFlags }

// Run prints one line for each key.
func (c keyListCmd) Run(ctx context.Context, env Env) error {
	api, err := c.client(env)
	if err != nil {
		return err
	}
	defer api.Close()
	var keys client.List[client.Key]
	if err := api.Get(ctx, "/v1/keys", &keys); err != nil {
		return err
	}
	rows := [][]string{{"NAME", "ROLE", "STATE", "NETWORKS", "ID"}}
	for _, k := range keys.Items {
		rows = append(rows, []string{k.Name, k.Role, keyState(k), strings.Join(k.Networks, ", "), k.ID})
	}
	return table(env, rows)
}

func keyState(k client.Key) string {
	switch {
	case !k.RevokedAt.IsZero():
		return "revoked"
	case !k.ExpiresAt.IsZero() && k.ExpiresAt.Before(time.Now()):
		return "expired"
	case !k.ExpiresAt.IsZero():
		return "until " + k.ExpiresAt.UTC().Format("2006-01-02")
	}
	return "valid"
}

type keyRevokeCmd struct {
	ID string `arg:"" help:"Of the key, as list prints it."`
	apiFlags
}

// Run ends the key.
func (c keyRevokeCmd) Run(ctx context.Context, env Env) error {
	api, err := c.client(env)
	if err != nil {
		return err
	}
	defer api.Close()
	return api.Post(ctx, "/v1/keys/"+url.PathEscape(c.ID)+"/revoke", nil, nil)
}

type keyRestoreCmd struct {
	Role string `arg:"" help:"system_admin, security_admin or audit_admin." enum:"system_admin,security_admin,audit_admin"`
	configFlag
}

// Run writes the key to its file and prints the path.
func (c keyRestoreCmd) Run(ctx context.Context, env Env) error {
	cfg, err := config.Load(c.Config, env.Lookup)
	if err != nil {
		return err
	}
	file, err := app.RestoreKey(ctx, cfg, access.Role(c.Role))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(env.Stdout, "new key  ", file)
	return err
}
