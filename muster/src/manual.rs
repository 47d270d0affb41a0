//! `muster manual DIR`: completions for shells and man pages of all programs, for the archives that ship.
//!
//! A hidden command of this binary, because it alone knows the command lines of all others; theirs are made of
//! tables when they run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command};
use clap_complete::Shell;
use clap_mangen::Man;
use muster_kit::process::program;

use crate::client::{complain, text};
use crate::up::SERVICES;

/// The name of the command.
pub(crate) const NAME: &str = "manual";

const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// The hidden command.
pub(crate) fn command() -> Command {
    Command::new(NAME)
        .about("Writes completions for shells and man pages of all programs into a folder")
        .hide(true)
        .arg(Arg::new("dir").value_name("DIR").required(true))
}

/// Writes `completions/` and `man/`; `own` is the command line of this program.
pub(crate) fn run(matches: &ArgMatches, own: Command) -> ExitCode {
    let folder = Path::new(text(matches, "dir"));
    match write(folder, own) {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            complain(NAME, format_args!("{}: {cause}", folder.display()));
            ExitCode::FAILURE
        }
    }
}

/// The services stand in section 8, that of daemons: in section 1, `muster-tasks` is the client command `muster tasks`.
fn write(folder: &Path, own: Command) -> io::Result<()> {
    let man8 = made(folder.join("man/man8"))?;
    for service in &SERVICES {
        let service = program(service).command();
        complete(service.clone(), folder)?;
        Man::new(service).section("8").generate_to(&man8)?;
    }
    complete(own.clone(), folder)?;
    clap_mangen::generate_to(own, made(folder.join("man/man1"))?)
}

fn complete(mut program: Command, folder: &Path) -> io::Result<()> {
    let name = program.get_name().to_owned();
    for shell in SHELLS {
        let folder = made(folder.join("completions").join(shell.to_string()))?;
        clap_complete::generate_to(shell, &mut program, &name, folder)?;
    }
    Ok(())
}

fn made(folder: PathBuf) -> io::Result<PathBuf> {
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
