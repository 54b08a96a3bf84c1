package sqlstore

import (
	"strconv"
	"sync/atomic"
	"testing"

	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/event"
)

// BenchmarkSave stores one transition of a call with its event and audit entry: one caller after the other, and many
// at once, who share commits.
func BenchmarkSave(b *testing.B) {
	b.Run("single", func(b *testing.B) {
		s := openNew(b)
		c := createCalls(b, s, 1)[0]
		for b.Loop() {
			saveNext(b, s, &c)
		}
		report(b, s)
	})
	b.Run("parallel", func(b *testing.B) {
		s := openNew(b)
		b.SetParallelism(100) // times GOMAXPROCS
		var n atomic.Int64
		b.RunParallel(func(pb *testing.PB) {
			c := call.Call{ID: "p" + strconv.FormatInt(n.Add(1), 10), Tenant: "t", Version: 1, State: call.Connected}
			if err := s.Create(b.Context(), c, nil, audit.Trail{}); err != nil {
				b.Error(err)
				return
			}
			for pb.Next() {
				saveNext(b, s, &c)
			}
		})
		report(b, s)
	})
}

func saveNext(b *testing.B, s *Store, c *call.Call) {
	c.Version++
	t := audit.Trail{Audit: []audit.Entry{{Action: "call.save", Target: c.ID}}, Events: []event.Event{{Kind: event.CallChanged, Subject: c.ID}}}
	if err := s.Save(b.Context(), *c, t, nil); err != nil {
		b.Error(err)
	}
}

func report(b *testing.B, s *Store) {
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
	b.ReportMetric(float64(s.Stats().Writes)/float64(s.Stats().Commits), "writes/commit")
}
