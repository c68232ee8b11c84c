package auth_test

import (
	"testing"

	"github.com/parley-chat/parley/internal/auth"
)

func BenchmarkVerify(b *testing.B) {
	s, err := auth.New(auth.Config{Key: signingKey, NewID: newID}, newMemoryStore())
	if err != nil {
		b.Fatal(err)
	}
	g, err := s.Register(b.Context(), auth.NewAccount{Username: "anna", Password: password}, "")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Verify(g.Access); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLogin shows what C5.8 promises: they all take the same time.
func BenchmarkLogin(b *testing.B) {
	s, err := auth.New(auth.Config{Key: signingKey, NewID: newID}, newMemoryStore())
	if err != nil {
		b.Fatal(err)
	}
	if _, err := s.CreateAccount(b.Context(), auth.NewAccount{Username: "anna", Password: password}); err != nil {
		b.Fatal(err)
	}
	for name, c := range map[string]auth.Credentials{
		"right":          {Username: "anna", Password: password},
		"wrong password": {Username: "anna", Password: "wrong password"},
		"unknown name":   {Username: "nobody", Password: "wrong password"},
		"short password": {Username: "anna", Password: "short"},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Login(b.Context(), c); (err == nil) != (name == "right") {
					b.Fatal(err)
				}
			}
		})
	}
}
