"""Speech: texts in, waveforms out. eSpeak NG always, Piper where it is installed and has a voice."""
