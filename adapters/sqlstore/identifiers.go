package sqlstore

import (
	"context"
	"slices"

	"c2d/core/identity"
)

// owner is a kind of aggregate that has identifiers.
type owner string

const (
	ofUser    owner = "user"
	ofDevice  owner = "device"
	ofContact owner = "contact"
)

// owned are the identifiers of one aggregate.
type owned struct {
	id          string
	created     bool // just now: it has none yet
	identifiers []identity.Identifier
}

// putIdentifiers replaces the identifiers of the owners; fault.CodeExists when one is another's. All are taken away
// before one is given, so that two owners may exchange theirs.
func (t *tx) putIdentifiers(ctx context.Context, tenant string, kind owner, of []owned) error {
	var old []string
	for _, o := range of {
		if !o.created {
			old = append(old, o.id)
		}
	}
	if err := t.dropIdentifiers(ctx, tenant, kind, old...); err != nil {
		return err
	}
	var rows [][]any
	for _, o := range of {
		for n, i := range o.identifiers {
			if !slices.Contains(o.identifiers[:n], i) {
				rows = append(rows, []any{tenant, string(kind), i.System, i.Value, o.id})
			}
		}
	}
	n, err := t.insert(ctx, "identifiers (tenant, kind, system, value, owner)", 5,
		"ON CONFLICT (tenant, kind, system, value) DO NOTHING", rows)
	if err == nil && n != int64(len(rows)) {
		return exists("identifiers")
	}
	return err
}

func (t *tx) dropIdentifiers(ctx context.Context, tenant string, kind owner, ids ...string) error {
	keys := make([][]any, len(ids))
	for i, id := range ids {
		keys[i] = []any{tenant, string(kind), id}
	}
	return t.deleteEach(ctx, "identifiers", "tenant, kind, owner", keys)
}
