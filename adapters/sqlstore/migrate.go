package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"io/fs"
	"strings"

	"github.com/pressly/goose/v3"
)

// migrations go forward only, first expanding, then contracting: the release before this one runs on this schema.
//
//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema up to date. Of several processes that start at once one migrates, the others wait.
func migrate(ctx context.Context, db *sql.DB, d *dialect) error {
	opts := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger())}
	if d.locker != nil {
		l, err := d.locker()
		if err != nil {
			return err
		}
		opts = append(opts, goose.WithSessionLocker(l))
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(d.goose, db, spoken{dir, d.words}, opts...)
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

// spoken is the migrations in one database's words.
type spoken struct {
	fs.FS
	words *strings.Replacer
}

func (s spoken) Open(name string) (fs.File, error) {
	f, err := s.FS.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		return f, err
	}
	b, err := fs.ReadFile(s.FS, name)
	if err != nil {
		return nil, err
	}
	return spokenFile{f, strings.NewReader(s.words.Replace(string(b)))}, nil
}

type spokenFile struct {
	fs.File
	text *strings.Reader
}

func (f spokenFile) Read(p []byte) (int, error) { return f.text.Read(p) }
