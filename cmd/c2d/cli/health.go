package cli

import (
	"context"
	"fmt"

	"c2d/cmd/c2d/client"
)

type healthCmd struct {
	URL string `help:"Where the service is." default:"http://127.0.0.1:8080" env:"C2D_URL"`
}

// Run succeeds when a service lives there; it needs no key. A container asks so.
func (c healthCmd) Run(ctx context.Context, env Env) error {
	api := client.New(c.URL, "")
	defer api.Close()
	if err := api.Get(ctx, "/healthz", nil); err != nil {
		return err
	}
	_, err := fmt.Fprintln(env.Stdout, "ok")
	return err
}
