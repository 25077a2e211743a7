package engine

import (
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// other puts content into a source that is not "src".
func (w *world) other(key model.SourceKey, revision string, objects ...string) {
	w.sources.mu.Lock()
	state := model.SourceState{Snapshot: &model.Snapshot{URL: string(key), Ref: "v", Revision: revision, Tree: tree{commit: revision}}}
	if w.sources.others == nil {
		w.sources.others = map[model.SourceKey]model.SourceState{}
	}
	w.sources.others[key] = state
	w.sources.objects[revision] = nil
	for _, o := range objects {
		w.sources.objects[revision] = append(w.sources.objects[revision], manifest(o))
	}
	w.sources.mu.Unlock()
	w.engine.SourceChanged(key)
	synctest.Wait()
}

// TestSeveralSources: the objects of all sources are the app's, of one moment;
// one with files only is there for the others.
func TestSeveralSources(t *testing.T) {
	inWorld(t, func(w *world) {
		app := automated("web")
		app.Sources = []model.AppSource{
			{Key: "src", Render: model.Render{Env: map[string]string{"NAME": "web"}, RevisionEnv: map[string]int{"REVISION": 0, "SHORT": 2}}},
			{Key: "chart"},
			{Key: "values", Ref: "values", FilesOnly: true},
		}
		w.sources.others = map[model.SourceKey]model.SourceState{"chart": {}, "values": {}}
		w.commit("c1", "a=1")
		w.put(app)
		w.did("before all sources have content")
		w.other("values", "v1", "none=1")
		w.did("before all sources have content")
		w.other("chart", "1.0.0", "b=1")
		w.did("all are there", "apply a", "apply b")

		r := w.report("web")
		if r.Applied != "c1,1.0.0,v1" || !r.Ready || len(r.Sources) != 3 || r.Snapshot != r.Sources[0] || len(r.Tools) != 3 {
			t.Errorf("report %+v", r)
		}
		first := w.sources.asked[0]
		if diff := cmp.Diff(map[string]string{"NAME": "web", "REVISION": "c1", "SHORT": "c1"}, first.Env); diff != "" {
			t.Errorf("environment: %s", diff)
		}
		if first.Refs["values"].(tree).commit != "v1" || len(w.sources.asked) != 2 {
			t.Errorf("%d renders, the first with refs %v", len(w.sources.asked), first.Refs)
		}

		w.other("chart", "2.0.0", "b=2")
		w.did("one has news", "apply b")
		w.engine.Operate(appKey("web"), model.Request{ID: "1", By: "me", Revision: "c1,1.0.0"})
		synctest.Wait()
		w.phase("an older revision of one", "web", model.PhaseError, `"1.0.0"`)
		w.engine.Operate(appKey("web"), model.Request{ID: "2", By: "me", Revision: ",2.0,,"})
		synctest.Wait()
		w.phase("more revisions than sources", "web", model.PhaseError, "4 revisions")
		w.engine.Operate(appKey("web"), model.Request{ID: "3", By: "me", Revision: "c1,2.0.0,v1"})
		synctest.Wait()
		w.phase("the one at hand", "web", model.PhaseSucceeded, "")

		w.sources.mu.Lock()
		w.sources.others["chart"] = model.SourceState{Snapshot: w.sources.others["chart"].Snapshot, Err: errLasting}
		w.sources.mu.Unlock()
		w.commit("c2", "a=2")
		w.did("one source fails: its last content counts", "apply a")
		if r := w.report("web"); r.Stage != model.StageSource || r.Err == nil || r.Applied != "c2,2.0.0,v1" {
			t.Errorf("report %v: %v, applied %q", r.Stage, r.Err, r.Applied)
		}

		// Both are of one repository now, and one of them failed behind the other.
		w.sources.mu.Lock()
		for key, revision := range map[model.SourceKey]string{"chart": "3.0.0", "values": "2.0.0"} {
			state := model.SourceState{Snapshot: &model.Snapshot{URL: "same", Ref: "v", Revision: revision, Tree: tree{commit: revision}}}
			if key == "values" {
				state.Err = errLasting
			}
			w.sources.others[key] = state
		}
		w.sources.objects["3.0.0"] = []model.Object{manifest("b=3")}
		w.sources.mu.Unlock()
		w.engine.SourceChanged("chart")
		synctest.Wait()
		w.did("two revisions of one repository are not mixed")
	})
}
