// Package cli is the command line: what is typed, and what is printed. Each command is a small struct; serve, demo and
// check run the service in this process, refer asks a running one over SIP, the others through its HTTP API.
//
// It ends with 0 when what was asked for was done, 1 when not, and 2 when the command line cannot be understood.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/alecthomas/kong"
)

// Env is what a command may touch of the process. Tests give their own.
type Env struct {
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Lookup  func(name string) (string, bool) // environment variables
	Version string
	TTY     bool // Stdout is a terminal: colours may be used
}

// commands is the grammar.
type commands struct {
	Serve    serveCmd    `cmd:"" help:"Run the service. Without a file: SQLite, HTTP and SIP on loopback."`
	Demo     demoCmd     `cmd:"" help:"Two software phones, one click: see the call and hear who heard whom."`
	Check    checkCmd    `cmd:"" help:"Tell everything that is wrong with a configuration, and try the store, ports and backends."`
	Health   healthCmd   `cmd:"" help:"Ask whether a service lives; for a container."`
	Reload   reloadCmd   `cmd:"" help:"Let the running service read its configuration again; no call is dropped."`
	Call     callCmd     `cmd:"" help:"Place a call and follow it to its end."`
	Refer    referCmd    `cmd:"" help:"Ask for a call by SIP REFER, as a phone or an HIS does, and follow it to its outcome."`
	User     userCmd     `cmd:"" help:"People who place calls, and their devices."`
	Contacts contactsCmd `cmd:"" help:"The book."`
	Key      keyCmd      `cmd:"" help:"Keys of the HTTP API."`
	Version  versionCmd  `cmd:"" help:"Print the version."`
}

// exit is the code that kong wants to end the process with, after --help.
type exit int

// Run runs one command line, without the program's name, and returns the exit code. When ctx ends, what runs is
// stopped in order.
func Run(ctx context.Context, args []string, env Env) (code int) {
	defer func() {
		if v := recover(); v != nil {
			wanted, is := v.(exit)
			if !is {
				panic(v)
			}
			code = int(wanted)
		}
	}()
	parser, err := kong.New(&commands{}, kong.Name("c2d"), kong.Description("Click-to-dial for hospitals."),
		kong.Writers(env.Stdout, env.Stderr), kong.Exit(func(code int) { panic(exit(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Bind(env), kong.BindTo(ctx, (*context.Context)(nil)))
	if err != nil {
		fmt.Fprintln(env.Stderr, "c2d:", err)
		return 1
	}
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(env.Stderr, "c2d:", err)
		return 2
	}
	if err := command.Run(); err != nil {
		report(env.Stderr, err)
		return 1
	}
	return 0
}

// errSilent ends a command that has said already what is wrong.
var errSilent = errors.New("said already")

func report(w io.Writer, err error) {
	if !errors.Is(err, errSilent) {
		fmt.Fprintln(w, "c2d:", err)
	}
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(env Env) error {
	_, err := fmt.Fprintln(env.Stdout, "c2d", env.Version)
	return err
}
