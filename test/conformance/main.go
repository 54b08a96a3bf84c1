// Command conformance runs the suite of core/call/calltest for every backend among the packages that it is given, and
// draws the matrix behaviour x backend from what the tests themselves reported. It prints the matrix as Markdown, writes
// it to the file of -o, and exits with 1 unless every cell is a pass or not supported.
//
//	conformance [-o FILE] [flags and packages of go test]
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"c2d/core/call/calltest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	file, args := "", os.Args[1:]
	if len(args) > 1 && args[0] == "-o" {
		file, args = args[1], args[2:]
	}
	if err := run(ctx, file, args); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

// run runs the tests to their end and tells what came of them. The exit status of go test counts even when no cell says why.
func run(ctx context.Context, file string, args []string) error {
	m := newMatrix(calltest.Behaviours())
	testErr := test(ctx, args, func(out io.Reader) error { return m.read(out, os.Stderr) })
	fmt.Print(m.markdown())
	if file != "" {
		if err := os.WriteFile(file, []byte(m.markdown()), 0o644); err != nil {
			return err
		}
	}
	return errors.Join(testErr, m.verdict())
}

func test(ctx context.Context, args []string, read func(io.Reader) error) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-json", "-count=1", "-run", "^TestConformance$"}, args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	readErr := read(out)
	return errors.Join(readErr, cmd.Wait())
}
