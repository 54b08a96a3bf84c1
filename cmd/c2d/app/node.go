package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"c2d/core/identity"
)

// dir is where the node and key files are: beside the SQLite database, else the working directory.
func (a *App) dir() string {
	path, ok := strings.CutPrefix(a.cfg.Store.URL, "sqlite:")
	if !ok || strings.HasPrefix(path, ":memory:") {
		return "."
	}
	return filepath.Dir(path)
}

// openNode finds out who we are among all that share phone systems: what is configured, else what the file c2d.node
// says, which the first start writes. Another name after a crash would orphan every call that was open.
func (a *App) openNode(context.Context) error {
	a.origin = identity.Origin{Installation: a.cfg.Node.Installation, Node: a.cfg.Node.Name}
	if a.origin.Installation != "" && a.origin.Node != "" {
		return nil
	}
	kept, err := keptNode(filepath.Join(a.dir(), "c2d.node"))
	if err != nil {
		return err
	}
	if a.origin.Installation == "" {
		a.origin.Installation = kept.Installation
	}
	if a.origin.Node == "" {
		a.origin.Node = kept.Node
	}
	return nil
}

var nodeForm = regexp.MustCompile(`^([a-z0-9]{1,16}) ([a-z0-9]{1,16})\n$`)

// keptNode reads the file, or makes it with a random installation.
func keptNode(path string) (identity.Origin, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		made := identity.Origin{Installation: strings.ToLower(rand.Text())[:8], Node: "n1"}
		return made, writeNew(path, 0o644, fmt.Sprintf("%s %s\n", made.Installation, made.Node))
	}
	if err != nil {
		return identity.Origin{}, err
	}
	m := nodeForm.FindSubmatch(text)
	if m == nil {
		return identity.Origin{}, fmt.Errorf(`%s must hold one line of two words of a-z and 0-9, such as "stmary n1"`, path)
	}
	return identity.Origin{Installation: string(m[1]), Node: string(m[2])}, nil
}

// writeNew writes a file that must not exist yet, and returns when it is on the disk.
func writeNew(path string, mode fs.FileMode, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}
