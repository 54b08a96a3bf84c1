package cli

import (
	"context"
	"fmt"
	"os"

	"c2d/cmd/c2d/app"
	"c2d/core/access"
)

type reloadCmd struct{ apiFlags }

// Run prints one line for each thing that has changed, was added, or goes on until its calls have ended. What needs a restart is an
// error, and then nothing has changed.
func (c reloadCmd) Run(ctx context.Context, env Env) error {
	api, err := c.client(env)
	if err != nil {
		return err
	}
	defer api.Close()
	var done struct {
		Changed  []string `json:"changed"`
		Added    []string `json:"added"`
		Draining []string `json:"draining"`
	}
	if err := api.Post(ctx, "/v1/reload", nil, &done); err != nil {
		return err
	}
	told := 0
	for _, part := range []struct {
		what  string
		lines []string
	}{{"changed", done.Changed}, {"added", done.Added}, {"draining", done.Draining}} {
		for _, line := range part.lines {
			fmt.Fprintf(env.Stdout, "%-9s %s\n", part.what, line)
			told++
		}
	}
	if told == 0 {
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
