//! What somebody orders on the console.

use super::{Children, NEEDED, Supervisor};
use crate::command::{Command, Refusal, Verb};
use crate::life::Phase;

/// Pulses that a PD which is to be stopped has to end its turn.
const TURN_PULSES: u32 = 2;

impl<C: Children> Supervisor<'_, C> {
    /// Does what somebody typed.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn command<'c>(&mut self, command: Command<'c>, now_us: u64) -> Result<(), Refusal<'c>> {
        let index = self.index(command.pd).ok_or(Refusal::NoPd(command.pd))?;
        let phase = self.phase(index).ok_or(Refusal::NoPd(command.pd))?;
        if self.children.page(index).is_none() {
            return Err(Refusal::Itself);
        }
        if matches!(command.verb, Verb::Pause | Verb::Stop) && NEEDED.contains(&command.pd) {
            return Err(Refusal::Needed);
        }
        let illegal = Err(Refusal::Illegal(command.verb, phase));
        let by_command = format_args!("by command");
        match command.verb {
            Verb::Pause if phase.may_become(Phase::Paused) => {
                self.children.stop(index);
                self.enter(index, Phase::Paused, by_command, now_us);
                if let Some(watch) = self.memory.watches.get_mut(index) {
                    watch.paused_from = phase;
                }
            }
            Verb::Resume if phase == Phase::Paused => self.resume(index, now_us),
            Verb::Stop if phase.may_become(Phase::Terminating) => {
                let beats = self.children.heartbeat(index);
                if let Some(watch) = self.memory.watches.get_mut(index) {
                    watch.turn = (0, beats);
                }
                self.enter(index, Phase::Terminating, by_command, now_us);
                self.children.wake(index);
            }
            Verb::Stop if phase.may_become(Phase::Terminated) => {
                self.children.stop(index);
                self.enter(index, Phase::Terminated, by_command, now_us);
            }
            Verb::Restart if phase.may_become(Phase::Terminating) => {
                self.children.stop(index);
                self.enter(index, Phase::Terminating, by_command, now_us);
                self.enter(index, Phase::Terminated, by_command, now_us);
                self.start(index, now_us);
            }
            Verb::Start if matches!(phase, Phase::Terminated | Phase::Held) => {
                if let Some(watch) = self.memory.watches.get_mut(index) {
                    watch.restarts.forget();
                }
                self.start(index, now_us);
            }
            _ => return illegal,
        }
        self.publish(now_us);
        Ok(())
    }

    fn resume(&mut self, index: usize, now_us: u64) {
        let Some(watch) = self.memory.watches.get_mut(index) else { return };
        watch.heartbeat.forget();
        let phase = match watch.paused_from {
            Phase::Loaded => Phase::Initialising,
            phase => phase,
        };
        self.enter(index, phase, format_args!("by command"), now_us);
        self.children.resume(index);
    }

    /// Stops a PD once it has ended the turn that it was in, or has had the time to.
    pub(super) fn end_turn(&mut self, index: usize, now_us: u64) {
        let beats = self.children.heartbeat(index);
        let Some(watch) = self.memory.watches.get_mut(index) else { return };
        watch.turn.0 += 1;
        if beats != watch.turn.1 || watch.turn.0 >= TURN_PULSES {
            self.children.stop(index);
            self.enter(index, Phase::Terminated, format_args!("by command"), now_us);
            self.publish(now_us);
        }
    }
}
