package engine

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// state is what the engine knows of an app between reconciles. The queue sees
// to it that one reconcile of an app runs at a time; the lock guards what
// others touch meanwhile.
type state struct {
	mu      sync.Mutex
	app     model.App
	version int // rises with every Put that changed the app
	pending *model.Request
	hard    bool
	report  *model.Report
	// desires are the objects that the report is about, for others to read.
	desires map[model.ObjectKey]model.Object
	// cancel ends the act that is under way, acting on commit acting.
	cancel context.CancelCauseFunc
	acting string
	unmet  bool // kinds are missing
	// pinKeys are the sources of the last pin, guarded by Engine.mu.
	pinKeys []model.SourceKey
	// recorded is the mark of the operation that the declaring object's status shows,
	// recordedHooks how many of its hooks are known there to have ended.
	recorded      string
	recordedEnd   string // the mark of the last that is recorded to have ended
	recordedHooks int
	awaitsRecord  bool
	// shown tells the last operation from others, and whether it has ended.
	shown *model.Operation
	// terminate is the mark of the operation whose end somebody has asked for.
	terminate string
	// urgent is how soon the next reconcile has to be, goesOn that of an operation that is
	// under way.
	// look is the token of a look at the sources that somebody waits for.
	urgent, goesOn urgency
	look           string

	// Only the reconcile touches the rest.
	loaded bool
	// connected is the target that the app is applied to.
	connected string
	pairs     map[model.ObjectKey]model.Pair
	kinds     []model.ObjectRef
	desired   *desired
	good      *desired // the last that was complete
	// pinned is what the operation under way is to sync instead.
	pinned *desired
	// waits is the attempt that waits for something.
	waits waiting
	// expired is the attempt that took longer than the app allows.
	expired expiry
	// onceMore is a request whose operation was superseded by newer content: it is
	// carried out with that.
	onceMore *model.Request
	// removal is the operation of the app's own deletion.
	removal *model.Operation
	// gaveUp is the content that was rolled back; "" is none.
	gaveUp string
	// attempted is what the last operation's content is, as desired.rendered.
	attempted model.Digest
	// deployed is the last attempt that went into the history; deployedHealthy: it
	// was seen healthy since.
	deployed        attempt
	deployedContent model.Digest
	deployedHealthy bool
	rivals          map[model.ObjectKey]rivalry
	op              *model.Operation
	// real is the last operation that was no dry run.
	real     *model.Operation
	handled  string // ID of the last request that was taken
	applied  string
	failures int // transient ones in a row
	// waitingSince is when the wait for health of commit waitingFor began.
	waitingSince time.Time
	waitingFor   string
	heals        map[model.ObjectKey]heal
}

// attempt is what a sync was of.
type attempt struct {
	revision string
	spec     model.Digest
}

func newState(app model.App) *state {
	s := &state{
		app: app, version: 1, op: app.Last, applied: app.Applied, connected: app.Target, heals: map[model.ObjectKey]heal{},
		rivals: map[model.ObjectKey]rivalry{},
	}
	if app.Last != nil {
		s.record(app.Last.Mark(), app.Last.Phase, app.Last.EndedHooks())
		s.show(*app.Last)
		s.recall(*app.Last)
	}
	return s
}

// recall takes over what the last operation of an earlier run tells.
func (s *state) recall(last model.Operation) {
	switch {
	case !last.Request.DryRun:
		s.real, s.gaveUp = &last, last.Request.GaveUpContent
	case s.applied != "":
		s.real = &model.Operation{Phase: model.PhaseSucceeded, Revision: s.applied, Spec: last.Spec}
	}
}

// show lets others see which operation is the last.
func (s *state) show(op model.Operation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shown = &model.Operation{Phase: op.Phase, Started: op.Started, Retries: op.Retries}
	switch {
	case op.Phase.Done():
		s.goesOn = usual
	case op.Request.By != "":
		s.goesOn = first
	default:
		s.goesOn = soon
	}
}

// hurry makes the next reconcile one that somebody waits for, and so the one after the look
// at the sources with that token; "" is none.
func (s *state) hurry(look string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.urgent = first
	s.look = cmp.Or(look, s.look)
}

// urgency is how soon the app has to be worked on.
func (s *state) urgency() urgency {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending != nil {
		return first
	}
	return max(s.urgent, s.goesOn)
}

// looked makes the next reconcile urgent where the look with that token was waited for.
func (s *state) looked(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.look != "" && s.look == token {
		s.urgent, s.look = first, ""
	}
}

// last is the last operation, as far as show tells; nil if there was none.
func (s *state) last() *model.Operation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown
}

// record notes which operation a restart would find; it reports whether that was
// waited for.
func (s *state) record(mark string, phase model.Phase, endedHooks int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recorded, s.recordedHooks = mark, endedHooks
	if phase.Done() {
		s.recordedEnd = mark
	}
	return s.awaitsRecord
}

// unrecorded reports whether a restart would not know of a hook of the operation
// that it has ended.
func (s *state) unrecorded(op model.Operation) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.recorded != op.Mark() || s.recordedHooks < op.EndedHooks()
}

// awaitRecord says whether the next record is to wake the app.
func (s *state) awaitRecord(awaits bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.awaitsRecord = awaits
}

// isRecorded reports whether a restart would find the operation, as one that has
// ended or has not.
func (s *state) isRecorded(op model.Operation) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if op.Phase.Done() {
		return s.recordedEnd == op.Mark()
	}
	return s.recorded == op.Mark()
}

// askEnd asks for the end of the operation under way.
func (s *state) askEnd(mark string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.terminate = mark
}

func (s *state) endAsked(op model.Operation) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.terminate == op.Mark()
}

func (s *state) put(app model.App) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := s.app.Spec != app.Spec || s.app.Deleting != app.Deleting || s.app.Suspended != app.Suspended
	if changed {
		s.urgent = max(s.urgent, soon)
	}
	s.app = app
	s.version++
	if changed && s.cancel != nil {
		s.cancel(fmt.Errorf("the app's declaration changed"))
	}
}

func (s *state) spec() model.App {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.app
}

func (s *state) refresh(hard bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hard = s.hard || hard
}

func (s *state) operate(req model.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = &req
}

// take hands out what a reconcile begins with. A request that has been carried out is
// none.
func (s *state) take() (app model.App, version int, req *model.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.urgent = usual
	if s.pending != nil && s.pending.ID == s.handled {
		s.pending = nil
	}
	return s.app, s.version, s.pending
}

// isHard reports whether nothing remembered is to be trusted.
func (s *state) isHard() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hard
}

// takeHard reports, once, that nothing remembered is to be trusted.
func (s *state) takeHard() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	hard := s.hard
	s.hard = false
	return hard
}

// settle takes a request off that has been started.
func (s *state) settle(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending != nil && s.pending.ID == id {
		s.pending = nil
	}
}

// withdraw takes back a request; false if it does not wait any more.
func (s *state) withdraw(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending == nil || s.pending.ID != id {
		return false
	}
	s.pending = nil
	return true
}

// begin notes an act on a commit, so that it can be superseded.
func (s *state) begin(ctx context.Context, commit string) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancel, s.acting = cancel, commit
	return ctx
}

func (s *state) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil {
		s.cancel(nil)
	}
	s.cancel, s.acting = nil, ""
}

func (s *state) supersede(commit string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil && s.acting != "" && s.acting != commit {
		s.cancel(fmt.Errorf("superseded by revision %.12s", commit))
	}
}

func (s *state) cancelAct(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil {
		s.cancel(why)
	}
}

func (s *state) setUnmet(unmet bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unmet = unmet
}

func (s *state) lacksKinds() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unmet
}

func (s *state) reported() (model.Report, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.report == nil {
		return model.Report{}, false
	}
	return *s.report, true
}

// want lets others read what is desired.
func (s *state) want(objects map[model.ObjectKey]model.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.desires = objects
}

func (s *state) wanted() map[model.ObjectKey]model.Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.desires
}

func (s *state) setReport(r model.Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report = &r
}
