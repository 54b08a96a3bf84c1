package main

import (
	"errors"
	"os"
	"testing"
)

// What a test of test/pbx does to a test, a stand survives.
func TestStand(t *testing.T) {
	s := &stand{dir: t.TempDir()}
	order := ""
	var dir string
	if err := s.try(func() {
		dir = s.TempDir()
		s.Cleanup(func() { order += "first" })
		s.Cleanup(func() { order += "last, " })
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Error(err)
	}
	if err := s.try(func() { s.Skipf("no %s", "server") }); !errors.Is(err, errAbsent) || err.Error() != "left out: no server" || s.Failed() {
		t.Error(err)
	}
	if err := s.try(func() { s.Fatalf("ended: %d", 1) }); errors.Is(err, errAbsent) || err == nil || err.Error() != "ended: 1" || !s.Failed() {
		t.Error(err)
	}
	s.close()
	s.close()
	if order != "last, first" {
		t.Error(order)
	}
}
