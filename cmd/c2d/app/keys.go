package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"c2d/cmd/c2d/config"
	"c2d/core/access"
)

// keyNames are the files of the first keys. Each administrator has its own, so that each can be given away alone.
var keyNames = map[access.Role]string{
	access.SystemAdmin:   "c2d-admin.key",
	access.SecurityAdmin: "c2d-security.key",
	access.AuditAdmin:    "c2d-audit.key",
}

// openKeys makes the first keys of an empty store and writes them to files that only their owner can read. The files
// are made before the keys are: a key without a file would be lost, and a file of an earlier store is never overwritten.
func (a *App) openKeys(ctx context.Context) error {
	a.services.keys = access.NewService(a.store)
	existing, err := a.store.Keys(ctx, access.MainTenant)
	if err != nil || len(existing) > 0 {
		return err
	}
	files, err := a.newKeyFiles()
	if err != nil {
		return errors.Join(err, discard(files))
	}
	secrets, err := a.services.keys.Bootstrap(ctx, access.MainTenant)
	if err != nil || secrets == nil { // another node was first
		return errors.Join(err, discard(files))
	}
	a.keyFiles = map[access.Role]string{}
	for role, f := range files {
		a.keyFiles[role] = f.Name()
		_, err := f.WriteString(secrets[role] + "\n")
		if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
			return fmt.Errorf("the key of %s is lost; begin again on an empty store: %w", role, err)
		}
	}
	return nil
}

func (a *App) newKeyFiles() (map[access.Role]*os.File, error) {
	files := map[access.Role]*os.File{}
	for role, name := range keyNames {
		path := filepath.Join(a.dir(), name)
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, os.ErrExist) {
			return files, fmt.Errorf("%s is of another store, this one is new: move the file away", path)
		}
		if err != nil {
			return files, err
		}
		files[role] = f
	}
	return files, nil
}

// RestoreKey makes a new key for an administrator who has none left, writes it to its file, which must not exist, and
// returns the file. It works on the store itself, for the operator at the host; with SQLite the service must be stopped.
func RestoreKey(ctx context.Context, cfg config.Config, role access.Role) (file string, err error) {
	a := New(cfg, Deps{})
	if err := a.openStore(ctx); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, a.Stop(ctx)) }()
	name, ok := keyNames[role]
	if !ok {
		return "", fmt.Errorf("%s is no administrator", role)
	}
	file = filepath.Join(a.dir(), name)
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	secret, err := access.NewService(a.store).Restore(ctx, access.MainTenant, role)
	if err != nil {
		return "", errors.Join(err, f.Close(), os.Remove(file))
	}
	_, err = f.WriteString(secret + "\n")
	return file, errors.Join(err, f.Sync(), f.Close())
}

func discard(files map[access.Role]*os.File) error {
	var errs []error
	for _, f := range files {
		errs = append(errs, f.Close(), os.Remove(f.Name()))
	}
	return errors.Join(errs...)
}
