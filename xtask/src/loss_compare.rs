//! `cargo xtask loss-compare REV`: the same recipe at two revisions, step by step. A refactoring that
//! changes no mathematics changes no loss.

mod curve;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use xshell::{Shell, cmd};

use curve::{Comparison, Curve};

/// Everything that is made here, below the folder that git ignores.
const FOLDER: &str = "target/loss-compare";
/// Where the presets are.
const RECIPES: &str = "crates/training/recipes";

/// What to compare.
#[derive(Args)]
pub struct Arguments {
    /// The revision to compare the working tree with, such as HEAD or main
    revision: String,
    /// Presets of the working tree, or paths of .toml files
    #[arg(default_values = ["quickstart_electra", "quickstart_t5"])]
    recipes: Vec<String>,
    /// Steps of each run
    #[arg(long, default_value_t = 50)]
    steps: usize,
    /// Largest relative difference of a loss or a gradient norm that passes
    #[arg(long, default_value_t = 0.0)]
    tolerance: f64,
    /// More arguments of `lamplight train`, such as `--data`, after `--`
    #[arg(last = true)]
    train: Vec<String>,
}

/// Builds and runs both, prints what differs, and fails where that is more than the tolerance.
pub fn run(shell: &Shell, arguments: &Arguments) -> Result<()> {
    let revision = &arguments.revision;
    let name = format!("{revision}^{{commit}}");
    let commit = cmd!(shell, "git rev-parse --verify --quiet {name}")
        .quiet()
        .read()
        .with_context(|| format!("there is no revision `{revision}`"))?;
    let recipes: Vec<PathBuf> = (arguments.recipes.iter())
        .map(|recipe| recipe_file(shell, recipe))
        .collect::<Result<_>>()?;
    let folder = shell.current_dir().join(FOLDER);
    shell.create_dir(&folder)?;
    // First the other revision, so that the build folder ends with the working tree's program.
    let before = {
        let tree = OtherTree::check_out(shell, &commit, folder.join("tree"))?;
        build(shell, &tree.path, &folder.join("before"))?
    };
    let after = build(shell, &shell.current_dir(), &folder.join("after"))?;
    let mut num_different = 0;
    for recipe in &recipes {
        let old = train(shell, &before, recipe, arguments)?;
        let new = train(shell, &after, recipe, arguments)?;
        let comparison = Comparison::of(&old, &new)
            .with_context(|| format!("{} cannot be compared", recipe.display()))?;
        println!("\n{} at {revision} and now:", recipe.display());
        println!("{}", comparison.describe());
        num_different += usize::from(!comparison.is_within(arguments.tolerance));
    }
    if num_different > 0 {
        let tolerance = arguments.tolerance;
        bail!(
            "{num_different} of {} recipes differ by more than {tolerance}",
            recipes.len()
        );
    }
    Ok(())
}

/// The recipe's text is the working tree's at both revisions, as a preset may not exist at the other.
fn recipe_file(shell: &Shell, recipe: &str) -> Result<PathBuf> {
    let path = if recipe.ends_with(".toml") {
        std::env::current_dir()?.join(recipe)
    } else {
        let presets = shell.current_dir().join(RECIPES);
        presets.join(format!("{recipe}.toml"))
    };
    if !shell.path_exists(&path) {
        bail!("there is no recipe {}", path.display());
    }
    Ok(path)
}

/// A working tree of another revision, removed when dropped.
struct OtherTree<'a> {
    shell: &'a Shell,
    path: PathBuf,
}

impl<'a> OtherTree<'a> {
    /// The path is always the same, so that what cargo compiled there is found again.
    fn check_out(shell: &'a Shell, commit: &str, path: PathBuf) -> Result<Self> {
        let tree = Self { shell, path };
        // Left behind when an earlier call was killed.
        tree.remove();
        let path = &tree.path;
        cmd!(shell, "git worktree add --quiet --detach {path} {commit}").run()?;
        Ok(tree)
    }

    fn remove(&self) {
        let path = &self.path;
        let removal = cmd!(self.shell, "git worktree remove --force {path}");
        let _ = removal.quiet().ignore_stdout().ignore_stderr().run();
    }
}

impl Drop for OtherTree<'_> {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Builds the program of a tree into the one build folder, where both find the same compiled
/// dependencies, and copies it away before the other replaces it.
fn build(shell: &Shell, tree: &Path, program: &Path) -> Result<PathBuf> {
    let target = shell.current_dir().join("target");
    let manifest = tree.join("Cargo.toml");
    cmd!(
        shell,
        "cargo build --release --package lamplight --manifest-path {manifest} --target-dir {target}"
    )
    .run()?;
    let suffix = std::env::consts::EXE_SUFFIX;
    let copy = program.with_extension(suffix.trim_start_matches('.'));
    std::fs::copy(target.join(format!("release/lamplight{suffix}")), &copy)
        .with_context(|| format!("cannot copy the program to {}", copy.display()))?;
    Ok(copy)
}

fn train(shell: &Shell, program: &Path, recipe: &Path, arguments: &Arguments) -> Result<Curve> {
    let output = program.with_extension("run");
    shell.remove_path(&output)?;
    let steps = arguments.steps;
    let settings = [
        format!("training.steps={steps}"),
        format!("training.evaluate_every={steps}"),
        format!("training.checkpoint_every={steps}"),
        String::from("training.log_every=1"),
    ];
    let settings = settings.iter().flat_map(|setting| ["--set", setting]);
    let more = &arguments.train;
    // Where the command was given, so that relative paths among the arguments hold.
    let _folder = shell.push_dir(std::env::current_dir()?);
    cmd!(
        shell,
        "{program} train {recipe} --output {output} {settings...} {more...}"
    )
    .ignore_stdout()
    .run()?;
    let metrics = shell.read_file(output.join("metrics.jsonl"))?;
    Curve::parse(&metrics).with_context(|| format!("what {} wrote", program.display()))
}
