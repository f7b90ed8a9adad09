"""Runs scripts/bench for a test: when its time is over it is asked to end, so that its nodes and namespaces end with it."""
import subprocess


def called(arguments, seconds):
    """(exit code, output, errors). A run that takes longer than `seconds` ends with SIGTERM, which is its exit code then."""
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        out, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.terminate()
        out, errors = process.communicate()
        errors += f"ended after {seconds} s\n"
    return process.returncode, out, errors
