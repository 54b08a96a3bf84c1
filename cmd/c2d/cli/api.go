package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"c2d/cmd/c2d/client"
)

// apiFlags are how a command reaches a running service.
type apiFlags struct {
	URL     string `help:"Where the service is." default:"http://127.0.0.1:8080" env:"C2D_URL"`
	KeyFile string `help:"File of the key; the variable C2D_KEY comes before it." default:"c2d-admin.key" type:"path"`
}

func (f apiFlags) client(env Env) (*client.Client, error) {
	key, ok := env.Lookup("C2D_KEY")
	if !ok || key == "" {
		text, err := os.ReadFile(f.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("no key: set C2D_KEY or --key-file: %w", err)
		}
		key = string(bytes.TrimSpace(text))
	}
	if key == "" || strings.ContainsAny(key, "\r\n") {
		return nil, errors.New("the key must be one line")
	}
	return client.New(f.URL, key), nil
}

// table prints rows in columns.
func table(env Env, rows [][]string) error {
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(w, strings.TrimRight(strings.Join(r, "\t"), "\t"))
	}
	return w.Flush()
}
