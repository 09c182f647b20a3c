// Program client drives GitHub's own scale set client against a GitHub that is given to it, and prints what it saw,
// one word and its value a line. It is the code inside the listener of ARC 0.14.2.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/actions/scaleset"
	"github.com/actions/scaleset/listener"
)

type scaler struct {
	client  *scaleset.Client
	set     int
	runners int
	stop    context.CancelFunc
}

func (s *scaler) HandleJobStarted(_ context.Context, job *scaleset.JobStarted) error {
	fmt.Println("started", job.RunnerName, job.RepositoryName)
	return nil
}

func (s *scaler) HandleJobCompleted(_ context.Context, job *scaleset.JobCompleted) error {
	fmt.Println("completed", job.Result)
	s.stop()
	return nil
}

func (s *scaler) HandleDesiredRunnerCount(ctx context.Context, count int) (int, error) {
	fmt.Println("desired", count)
	for ; s.runners < count; s.runners++ {
		setting := &scaleset.RunnerScaleSetJitRunnerSetting{Name: fmt.Sprintf("dev-runner-%d", s.runners)}
		runner, err := s.client.GenerateJitRunnerConfig(ctx, setting, s.set)
		if err != nil {
			return 0, err
		}
		fmt.Println("runner", runner.Runner.ID)
	}
	return count, nil
}

func run(url, token string) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	config := scaleset.NewClientWithPersonalAccessTokenConfig{GitHubConfigURL: url, PersonalAccessToken: token}
	client, err := scaleset.NewClientWithPersonalAccessToken(config)
	if err != nil {
		return err
	}
	standby, err := client.GetRunnerGroupByName(ctx, "arc-us")
	if err != nil {
		return err
	}
	found, err := client.GetRunnerScaleSet(ctx, standby.ID, "dev")
	if err != nil {
		return err
	}
	fmt.Println("absent", found == nil)
	wanted := scaleset.RunnerScaleSet{
		Name:          "dev",
		RunnerGroupID: standby.ID,
		Labels:        []scaleset.Label{{Type: "System", Name: "dev"}},
	}
	made, err := client.CreateRunnerScaleSet(ctx, &wanted)
	if err != nil {
		return err
	}
	_, err = client.CreateRunnerScaleSet(ctx, &wanted)
	fmt.Println("duplicate", err)
	session, err := client.MessageSessionClient(ctx, made.ID, "first")
	if err != nil {
		return err
	}
	_, err = client.MessageSessionClient(ctx, made.ID, "second")
	fmt.Println("second", err)

	active, err := client.GetRunnerGroupByName(ctx, "arc-eu")
	if err != nil {
		return err
	}
	moved, err := client.UpdateRunnerScaleSet(ctx, made.ID, &scaleset.RunnerScaleSet{RunnerGroupID: active.ID})
	if err != nil {
		return err
	}
	fmt.Println("moved", moved.RunnerGroupName)

	listen, err := listener.New(session, listener.Config{ScaleSetID: made.ID, MaxRunners: 3, Logger: slog.Default()})
	if err != nil {
		return err
	}
	err = listen.Run(ctx, &scaler{client: client, set: made.ID, stop: stop})
	if !errors.Is(err, context.Canceled) {
		return err
	}
	if err := session.Close(context.Background()); err != nil {
		return err
	}
	_, err = client.GetRunnerByName(context.Background(), "dev-runner-0")
	if err != nil {
		return err
	}
	if err := client.DeleteRunnerScaleSet(context.Background(), made.ID); err != nil {
		return err
	}
	_, err = client.MessageSessionClient(context.Background(), made.ID, "third")
	fmt.Println("deleted", err)
	return nil
}

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Println("failed", err)
		os.Exit(1)
	}
}
