package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"io/fs"

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
	p, err := goose.NewProvider(d.goose, db, spoken{dir, d.text}, opts...)
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

// spoken is the migrations in one database's words: TEXT becomes what orders text by its bytes there.
type spoken struct {
	fs.FS
	text string
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
	return spokenFile{f, bytes.NewReader(bytes.ReplaceAll(b, []byte(" TEXT"), []byte(" "+s.text)))}, nil
}

type spokenFile struct {
	fs.File
	text *bytes.Reader
}

func (f spokenFile) Read(p []byte) (int, error) { return f.text.Read(p) }
