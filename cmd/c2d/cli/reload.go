package cli

import (
	"context"
	"fmt"
	"os"

	"c2d/cmd/c2d/app"
	"c2d/core/access"
)

type reloadCmd struct{ apiFlags }

// Run prints one line for each thing that has changed, or cannot without a restart.
func (c reloadCmd) Run(ctx context.Context, env Env) error {
	api, err := c.client(env)
	if err != nil {
		return err
	}
	defer api.Close()
	var done struct {
		Changed []string `json:"changed"`
		Restart []string `json:"needs_restart"`
	}
	if err := api.Post(ctx, "/v1/reload", nil, &done); err != nil {
		return err
	}
	for _, line := range done.Changed {
		fmt.Fprintln(env.Stdout, "changed       ", line)
	}
	for _, line := range done.Restart {
		fmt.Fprintln(env.Stdout, "needs restart ", line)
	}
	if len(done.Changed)+len(done.Restart) == 0 {
		fmt.Fprintln(env.Stdout, "nothing has changed")
	}
	return nil
}

// reloadOnHangUp follows the configuration anew at each SIGHUP, until ctx ends; the service logs what came of it.
func reloadOnHangUp(ctx context.Context, service *app.App, hangUp <-chan os.Signal) {
	for {
		select {
		case <-hangUp:
			by := access.Internal(access.MainTenant)
			by.Role, by.Scopes = access.SystemAdmin, []access.Scope{access.ReloadConfig}
			_, _ = service.Reload(ctx, by)
		case <-ctx.Done():
			return
		}
	}
}
