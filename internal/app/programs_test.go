package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/fixpoint-cd/fixpoint/internal/front"
	"github.com/fixpoint-cd/fixpoint/internal/signin"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// TestSecurityLoginsByProgramsDoNotFillTheTrail: whoever guesses at the APIs, from as
// many addresses as they like, makes as few records as somebody at the page, and each of
// these says how many it stands for.
func TestSecurityLoginsByProgramsDoNotFillTheTrail(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("correct horse"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	service := signin.New(signin.Config{})
	set, _ := signin.Read(map[string]string{}, map[string][]byte{"server.secretkey": make([]byte, 32), "admin.password": hash}, "", nil, nil)
	service.Use(set)
	var trail []view.Audit
	audit := func(_ context.Context, a view.Audit) error {
		trail = append(trail, a)
		return nil
	}
	log := slog.New(slog.DiscardHandler)
	p := programs{doorkeeper{service, log}, audit, front.NewRefusals(audit, log)}
	const guesses = 1000
	for i := range guesses {
		_, err := p.login(t.Context(), "api", fmt.Sprintf("name-%d", i), "guess", fmt.Sprintf("192.0.%d.%d", 2+i/250, i%250))
		if !errors.Is(err, signin.ErrRefused) {
			t.Fatal(err)
		}
	}
	if len(trail) > guesses/4 || trail[0].Who != "name-0" || trail[0].Via != "api" || trail[0].From != "192.0.2.0" || trail[0].Outcome != "denied" {
		t.Errorf("%d guesses make %d records, the first is %+v", guesses, len(trail), trail[0])
	}
	noted := len(trail)
	if _, err := p.login(t.Context(), "api", "admin", "correct horse", "198.51.100.1"); err != nil {
		t.Fatal(err)
	}
	p.refusals.Flush(t.Context())
	if last := trail[noted]; last.Who != "admin" || last.Outcome != "allowed" {
		t.Errorf("who may sign in meanwhile is noted as %+v", last)
	}
	if rest := trail[len(trail)-1]; !strings.HasSuffix(rest.Detail, "more were refused, and are only counted") {
		t.Errorf("the rest is told as %+v", rest)
	}
}
